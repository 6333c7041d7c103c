"""What several tests need: the classes, a few images, the checkpoint of a network."""

import torch

from model import SimpleCNN
from pipeline import checkpoint, data

NAME = data.DEFAULT
CLASSES = data.DATASETS[NAME].classes
RECORD = {"dataset": NAME, "classes": CLASSES, "test_accuracy": 10.0}
NAN = float("nan")


def random_set(n):
    """The same random images (n, 1, 28, 28) each time, with labels in turn."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(n, 1, 28, 28, generator=generator)
    return images, torch.arange(n) % len(CLASSES)


def save_network(folder=".", network=None, **record):
    """Path of the checkpoint of a network, by default of an untrained one."""
    network = network or SimpleCNN(len(CLASSES))
    return checkpoint.save_checkpoint(network, RECORD | record, folder)
