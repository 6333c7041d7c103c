"""The metrics of the release gate: how each is printed, and which limits it has."""

import math
from typing import NamedTuple

import torch
from torch import Generator

from pipeline.augmentation import random_warp

LATENCY_BATCHES = (1, 32, 64)  # batch sizes whose latency is measured
# Arguments of `random_warp`, the same for every recipe. They are so small that no 6
# becomes a 9.
WARP_RANGES = (15, 0.1, 0.1, 0.2, 0.5)


class Metric(NamedTuple):
    """How a metric is printed, and which limits the sweep measures for it."""

    title: str
    digits: int  # after the decimal point
    unit: str = ""
    limits: tuple = ()  # of "at_least" and "at_most"

    def show(self, value, digits=None):
        """The value with its unit, as text."""
        digits = self.digits if digits is None else digits
        return f"{value:,.{digits}f}{self.unit}"


def add_pixel_noise(images):
    noise = torch.randn(images.shape, generator=Generator().manual_seed(0))
    return (images + 0.2 * noise).clamp(0, 1)


def blur(images):
    """Gaussian blur of square images, with a standard deviation of 1 pixel."""
    places = torch.arange(float(images.shape[-1]))
    distances = places - places.unsqueeze(1)
    weights = torch.exp(-(distances**2) / 2) / math.sqrt(math.tau)
    return weights @ images @ weights  # along the columns, and along the rows


CORRUPTIONS = {  # functions of images in [0, 1]; the same random numbers every time
    "noise": add_pixel_noise,
    "grey_background": lambda images: 0.3 + 0.7 * images,
    "blur": blur,
    "warps": lambda images: random_warp(
        images, Generator().manual_seed(0), *WARP_RANGES
    ),
}

METRICS = {
    "parameters": Metric("Parameters", 0),
    "batch_difference": Metric("Probability Change, One Image or a Batch", 3),
    "accuracy": Metric("Test Accuracy", 2, "%", ("at_least",)),
    "worst_recall": Metric("Recall of the Worst Class", 2, "%", ("at_least",)),
    "cross_entropy": Metric("Test Cross-Entropy", 3, "", ("at_most",)),
    "mistake_confidence": Metric(
        "Confidence on Mistakes", 1, "%", ("at_least", "at_most")
    ),
    "accuracy_mismatch": Metric("Difference to the Saved Accuracy", 1, " images"),
    "synthetic_accuracy": Metric("Accuracy on Synthetic Digits", 2, "%", ("at_least",)),
}
for name in CORRUPTIONS:
    title = name.replace("_", " ").title()
    METRICS[f"{name}_accuracy"] = Metric(
        f"Accuracy under {title}", 2, "%", ("at_least",)
    )
    METRICS[f"{name}_difference"] = Metric(
        f"Probability Change under {title}", 3, "", ("at_most",)
    )
METRICS["megabytes"] = Metric("Parameters and Buffers", 3, " MB")
METRICS["file_megabytes"] = Metric("Checkpoint File", 3, " MB")
for size in LATENCY_BATCHES:
    METRICS[f"latency_{size}"] = Metric(
        f"Latency at Batch Size {size}, Relative to a Plain Network", 1, " ×"
    )
