"""The metrics of the release gate: how each is printed, and which limits it has."""

import math
from typing import NamedTuple

import torch
from torch import Generator

from pipeline.augmentation import random_warp

# Warps of this size cannot turn a 6 into a 9.
WARP = {"degrees": 15, "translate": 0.1, "scale": 0.1, "distortion": 0.2, "share": 0.5}
LATENCY_BATCHES = (1, 32, 64)  # batch sizes whose latency is measured
AT_LEAST, AT_MOST = ("at_least",), ("at_most",)


class Metric(NamedTuple):
    """How a metric is printed, and which limits the sweep measures for it."""

    title: str
    digits: int  # after the decimal point
    unit: str = ""
    limits: tuple = ()  # limits that the sweep measures: "at_least", "at_most" or both

    def show(self, value, more_digits=0):
        """Return the value with its unit as text."""
        return f"{value:,.{self.digits + more_digits}f}{self.unit}"


def add_pixel_noise(images):
    noise = torch.randn(images.shape, generator=Generator().manual_seed(0))
    return (images + 0.2 * noise).clamp(0, 1)


def blur(images):
    """Blur square images with a Gaussian; its standard deviation is 1 pixel."""
    places = torch.arange(float(images.shape[-1]))
    distances = places - places.unsqueeze(1)
    weights = torch.exp(-(distances**2) / 2) / math.sqrt(math.tau)
    return weights @ images @ weights  # blurs the columns, then the rows


def warp_images(images):
    return random_warp(images, Generator().manual_seed(0), **WARP)


# Functions of images in [0, 1]. They use the same random numbers for every model.
CORRUPTIONS = {
    "noise": add_pixel_noise,
    "grey_background": lambda images: 0.3 + 0.7 * images,
    "blur": blur,
    "warps": warp_images,
}
METRICS = {
    "parameters": Metric("Parameters", 0),
    "batch_difference": Metric("Effect of the Batch on Probabilities", 3),
    "accuracy": Metric("Test Accuracy", 2, "%", AT_LEAST),
    "worst_recall": Metric("Recall of the Worst Class", 2, "%", AT_LEAST),
    "cross_entropy": Metric("Test Cross-Entropy", 3, "", AT_MOST),
    "mistake_confidence": Metric("Confidence on Mistakes", 1, "%", AT_LEAST + AT_MOST),
    "accuracy_mismatch": Metric("Difference from the Saved Accuracy", 1, " images"),
    "synthetic_accuracy": Metric("Accuracy on Synthetic Digits", 2, "%", AT_LEAST),
}
for name in CORRUPTIONS:
    title = name.replace("_", " ").title()
    METRICS[f"{name}_accuracy"] = Metric(f"Accuracy under {title}", 2, "%", AT_LEAST)
    change = f"Probability Change under {title}"
    METRICS[f"{name}_difference"] = Metric(change, 3, "", AT_MOST)
METRICS["megabytes"] = Metric("Parameters and Buffers", 3, " MB")
METRICS["file_megabytes"] = Metric("Checkpoint File", 3, " MB")
for size in LATENCY_BATCHES:
    title = f"Latency Relative to a Baseline Network, Batch of {size}"
    METRICS[f"relative_latency_{size}"] = Metric(title, 1, " ×")
