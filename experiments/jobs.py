"""The job of a sweep. It is in a module of its own, so that other processes can import it."""

import tempfile

import torch

from model import SimpleCNN
from pipeline.checkpoint import save_checkpoint
from pipeline.data import load_split
from pipeline.evaluation import evaluate
from train import train_and_test


def train_and_evaluate(dataset, recipe):
    """Train on a data set by a recipe; return the metrics, and the training's seconds."""
    torch.set_num_threads(1)  # every core has a process of its own
    training_set, test_set = load_split(dataset, True), load_split(dataset, False)
    model, metadata = train_and_test(dataset, training_set, test_set, recipe)
    with tempfile.TemporaryDirectory() as folder:
        path = save_checkpoint(model, metadata, folder)
        metrics = evaluate(path, SimpleCNN).metrics
    return metrics | {"training_seconds": metadata["training_seconds"]}
