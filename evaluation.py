"""What a trained model does: its predictions, on changed images too, and its speed."""

import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

from augmentation import random_warp

BATCH_SIZE = 1000  # images predicted at once


@torch.inference_mode()
def predict(model, pixels):
    """Class probabilities (N, 10) for float pixels (N, 1, 28, 28) in [0, 1]."""
    return torch.cat(
        [model(batch).softmax(dim=1) for batch in pixels.split(BATCH_SIZE)]
    )


def accuracy(probabilities, labels):
    """Percentage of images whose most probable class is their label."""
    return 100 * (probabilities.argmax(dim=1) == labels).double().mean().item()


def cross_entropy(probabilities, labels):
    """Mean negative log-probability of the right class; infinite when one has none."""
    return -probabilities.gather(1, labels.unsqueeze(1)).log().mean().item()


def output_difference(probabilities, others):
    """Mean L2 distance, from 0 to √2, between two (N, 10) of class probabilities."""
    return (probabilities - others).norm(dim=1).mean().item()


def _seeded():
    return torch.Generator().manual_seed(0)


def _noise(pixels, sigma):
    return (pixels + sigma * torch.randn(pixels.shape, generator=_seeded())).clamp(0, 1)


def _blur(pixels, sigma):
    offsets = torch.arange(-4.0, 5.0)
    kernel = (-(offsets**2) / (2 * sigma**2)).softmax(dim=0)
    return F.conv2d(
        F.conv2d(pixels, kernel.view(1, 1, 1, 9), padding=(0, 4)),
        kernel.view(1, 1, 9, 1),
        padding=(4, 0),
    )


# What photographs and scans do to float pixels in [0, 1]; the same draws every time.
CHANGES = {
    "Pixel Noise σ = 0.2": lambda pixels: _noise(pixels, 0.2),
    "Intensity × 0.9": lambda pixels: 0.9 * pixels,
    "Contrast × 0.5": lambda pixels: 0.5 * pixels,
    "Background at 0.3": lambda pixels: 0.3 + 0.7 * pixels,
    "Gaussian Blur σ = 1 px": lambda pixels: _blur(pixels, 1.0),
    "Fresh Random Warps": lambda pixels: random_warp(pixels, _seeded(), degrees=15, translate=0.1, scale=0.1, distortion=0.2, perspective=0.5),
}


def reference_network():
    """Plain network of 7,098 parameters, whose speed tells how fast the machine is."""
    convolutions = [
        *(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2)),  # (N, 4, 13, 13)
        *(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.MaxPool2d(2)),  # (N, 8, 5, 5)
    ]
    head = [nn.Flatten(), nn.Linear(200, 32), nn.ReLU(), nn.Linear(32, 10)]
    return nn.Sequential(*convolutions, *head).eval()


@torch.inference_mode()
def latencies(models, batch_size, repeats=100):
    """Median milliseconds of each model for one batch; they take turns on the machine."""
    pixels = torch.rand(batch_size, 1, 28, 28)
    milliseconds = [[] for _ in models]
    for _ in range(repeats):
        for model, times in zip(models, milliseconds, strict=True):
            started = time.perf_counter()
            model(pixels)
            times.append(1000 * (time.perf_counter() - started))
    return [statistics.median(times) for times in milliseconds]
