"""What a trained model does: the figures that the gate judges, as plain data."""

import math
from timeit import Timer
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, nn

from pipeline.augmentation import random_warp

BATCH_SIZE = 1000  # images classified at once
BATCH_SIZES = (1, 32, 64)  # of which shapes and latencies are measured
# Ranges for `random_warp`, fixed whatever the recipe; for digits: no 6 becomes a 9.
WARPS = (15, 0.1, 0.1, 0.2, 0.5)


def measure(model, images, labels):
    """Figures by name, and class probabilities (N, classes), of images (N, C, H, W) float."""
    probabilities = predict_probabilities(model, images)
    tensors = [*model.parameters(), *model.buffers()]
    classes = [labels == label for label in labels.unique()]
    confidences, guesses = probabilities.max(dim=1)
    wrong = confidences[guesses != labels]
    if not len(wrong):  # the least sure answer comes nearest to a mistake
        wrong = confidences.min()
    figures = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "megabytes": sum(tensor.nbytes for tensor in tensors) / 1e6,
        "images": len(labels),
        "accuracy": accuracy(probabilities, labels),
        "worst_recall": min(accuracy(probabilities[c], labels[c]) for c in classes),
        "cross_entropy": F.nll_loss(probabilities.log(), labels).item(),
        "mistake_confidence": 100 * wrong.mean().item(),
    }
    for name, change in CORRUPTIONS.items():
        changed = predict_probabilities(model, change(images))
        figures[f"{name}_accuracy"] = accuracy(changed, labels)
        distances = (probabilities - changed).norm(dim=1)  # from 0 to √2
        figures[f"{name}_difference"] = distances.mean().item()
    reference = reference_network(images.shape[-1], probabilities.shape[1])
    for batch_size in BATCH_SIZES:
        batch = torch.rand(batch_size, *images.shape[1:])
        figures[f"output_{batch_size}"] = " × ".join(map(str, model(batch).shape))
        latency, usual = latencies([model, reference], batch)
        figures[f"latency_{batch_size}"] = latency / usual
    return figures, probabilities


@torch.inference_mode()
def predict_probabilities(model, images):
    """Class probabilities (N, classes) of images (N, C, H, W) float in [0, 1]."""
    batches = images.split(BATCH_SIZE)
    return torch.cat([model(batch).softmax(dim=1) for batch in batches])


def accuracy(probabilities, labels):
    """Percentage of images whose most probable class is their label."""
    return 100 * (probabilities.argmax(dim=1) == labels).double().mean().item()


def add_pixel_noise(images):
    noise = torch.randn(images.shape, generator=Generator().manual_seed(0))
    return (images + 0.2 * noise).clamp(0, 1)


def blur(images):
    """Gaussian blur of square images, with a standard deviation of 1 pixel."""
    places = torch.arange(float(images.shape[-1]))
    distances = places - places.unsqueeze(1)
    weights = torch.exp(-(distances**2) / 2) / math.sqrt(math.tau)
    return weights @ images @ weights  # of rows and of columns


# What photographs and scans do to images in [0, 1]; the same draws every time.
CORRUPTIONS = {
    "noise": add_pixel_noise,
    "dimming": lambda images: 0.9 * images,
    "grey": lambda images: 0.3 + 0.7 * images,
    "blur": blur,
    "warps": lambda images: random_warp(images, Generator().manual_seed(0), *WARPS),
}


class Figure(NamedTuple):
    """How a figure is printed, and the relations of its limits in limits.json."""

    title: str
    digits: int  # behind the point
    unit: str
    relations: str  # none where test_model.py alone requires something

    def show(self, value):
        if isinstance(value, str):
            return value
        return f"{value:,.{self.digits}f}{self.unit}"


METRICS = {}
for n in BATCH_SIZES:
    METRICS[f"output_{n}"] = Figure(f"Output for a Batch of {n}", 0, "", "")
METRICS |= {
    "parameters": Figure("Parameters", 0, "", "="),
    "images": Figure("Test Images", 0, "", "="),
    "accuracy": Figure("Test Accuracy", 2, "%", "≥"),
    "worst_recall": Figure("Recall of the Worst Class", 2, "%", "≥"),
    "cross_entropy": Figure("Test Cross-Entropy", 3, "", "≤"),
    "mistake_confidence": Figure("Confidence on Mistakes", 1, "%", "≥≤"),
    "accuracy_mismatch": Figure("Error of the Record", 1, " images", ""),
    "synthetic_accuracy": Figure("Accuracy on Other Hands", 2, "%", "≥"),
}
for change in CORRUPTIONS:
    title = change.title()
    METRICS[f"{change}_accuracy"] = Figure(f"Accuracy, {title}", 2, "%", "≥")
    METRICS[f"{change}_difference"] = Figure(f"Change, {title}", 3, "", "≤")
METRICS["megabytes"] = Figure("Parameters and Buffers", 3, " MB", "")
METRICS["file_megabytes"] = Figure("Checkpoint File", 3, " MB", "")
for n in BATCH_SIZES:
    METRICS[f"latency_{n}"] = Figure(f"Latency at Batch Size {n}", 1, " ×", "")


def reference_network(side=28, classes=10):
    """Plain network for square grey images, whose speed tells how fast the machine is.

    Of 7,098 parameters for MNIST.
    """
    pooled = ((side - 2) // 2 - 2) // 2
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 4, 13, 13)
        nn.Conv2d(4, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 8, 5, 5)
        nn.Flatten(),
        nn.Linear(8 * pooled**2, 32),
        nn.ReLU(),
        nn.Linear(32, classes),
    ).eval()


@torch.inference_mode()
def latencies(models, batch, repeats=200):
    """Least milliseconds of each model for one batch; they take turns on the machine."""
    timers = [Timer(lambda model=model: model(batch)) for model in models]
    turns = [[timer.timeit(1) for timer in timers] for _ in range(repeats)]
    return [1000 * min(seconds) for seconds in zip(*turns, strict=True)]
