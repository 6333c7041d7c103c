"""Data that several tests share: classes, random images, and checkpoints."""

import pytest
import torch

from model import SimpleCNN
from pipeline import checkpoint, data
from pipeline.synthetic import IMAGE_SIDE

DATASET = data.DEFAULT
CLASSES = data.DATASETS[DATASET].classes
own_figures = pytest.mark.skipif(
    DATASET != "mnist", reason="these are the figures of this repository's own data set"
)
mnist_size = pytest.mark.skipif(
    IMAGE_SIDE != 28, reason="the expected pixels are those of images of 28 × 28"
)
METADATA = {"dataset": DATASET, "classes": CLASSES, "test_accuracy": 10.0}


def random_set(n):
    """The same random images (n, 1, H, W) each time, and labels that repeat in turn."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(n, 1, IMAGE_SIDE, IMAGE_SIDE, generator=generator)
    return images, torch.arange(n) % len(CLASSES)


def save_network(folder=".", network=None, **metadata):
    """Path of a new checkpoint of a network, by default of an untrained one."""
    network = network or SimpleCNN(len(CLASSES))
    return checkpoint.save_checkpoint(network, METADATA | metadata, folder)
