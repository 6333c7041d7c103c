"""What a trained model does: the figures that the gate judges, as plain data."""

import math
from timeit import Timer

import torch
import torch.nn.functional as F
from torch import Generator, nn

from pipeline.augmentation import random_warp

BATCH_SIZE = 1000  # images predicted at once
WARPS = (15, 0.1, 0.1, 0.2, 0.5)  # limits for `random_warp`: those of the training


def measure(model, images, labels):
    """Figures by name, and class probabilities (N, 10), of images (N, 1, 28, 28) float."""
    probabilities = predict(model, images)
    tensors = [*model.parameters(), *model.buffers()]
    digits = [labels == digit for digit in labels.unique()]
    confidences, guesses = probabilities.max(dim=1)
    wrong = confidences[guesses != labels]
    figures = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "megabytes": sum(tensor.nbytes for tensor in tensors) / 1e6,
        "images": len(labels),
        "accuracy": accuracy(probabilities, labels),
        "worst_recall": min(accuracy(probabilities[d], labels[d]) for d in digits),
        "cross_entropy": F.nll_loss(probabilities.log(), labels).item(),
        "mistake_confidence": 100 * wrong.sum().item() / max(len(wrong), 1),
    }
    for name, change in CHANGES.items():
        changed = predict(model, change(images))
        figures[f"{name}_accuracy"] = accuracy(changed, labels)
        distances = (probabilities - changed).norm(dim=1)  # from 0 to √2
        figures[f"{name}_difference"] = distances.mean().item()
    for batch_size in (1, 32, 64):
        logits = model(torch.zeros(batch_size, 1, 28, 28))
        figures[f"output_{batch_size}"] = " × ".join(map(str, logits.shape))
        latency, reference = latencies([model, reference_network()], batch_size)
        figures[f"slowdown_{batch_size}"] = latency / reference
    return figures, probabilities


@torch.inference_mode()
def predict(model, images):
    """Class probabilities (N, 10) for images (N, 1, 28, 28) float in [0, 1]."""
    batches = images.split(BATCH_SIZE)
    return torch.cat([model(batch).softmax(dim=1) for batch in batches])


def accuracy(probabilities, labels):
    """Percentage of images whose most probable class is their label."""
    return 100 * (probabilities.argmax(dim=1) == labels).double().mean().item()


def add_pixel_noise(images):
    noise = torch.randn(images.shape, generator=Generator().manual_seed(0))
    return (images + 0.2 * noise).clamp(0, 1)


def blur(images):
    """Gaussian blur with a standard deviation of 1 pixel."""
    distances = torch.arange(28.0) - torch.arange(28.0).view(28, 1)
    weights = torch.exp(-(distances**2) / 2) / math.sqrt(math.tau)
    return weights @ images @ weights  # of rows and of columns


# What photographs and scans do to images in [0, 1]; the same draws every time.
CHANGES = {
    "noise": add_pixel_noise,
    "dimming": lambda images: 0.9 * images,
    "grey": lambda images: 0.3 + 0.7 * images,
    "blur": blur,
    "warps": lambda images: random_warp(images, Generator().manual_seed(0), *WARPS),
}


def reference_network():
    """Plain network of 7,098 parameters, whose speed tells how fast the machine is."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 4, 13, 13)
        nn.Conv2d(4, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 8, 5, 5)
        nn.Flatten(),
        nn.Linear(200, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    ).eval()


@torch.inference_mode()
def latencies(models, batch_size, repeats=200):
    """Least milliseconds of each model for one batch; they take turns on the machine."""
    images = torch.rand(batch_size, 1, 28, 28)
    timers = [Timer(lambda model=model: model(images)) for model in models]
    turns = [[timer.timeit(1) for timer in timers] for _ in range(repeats)]
    return [1000 * min(seconds) for seconds in zip(*turns, strict=True)]
