"""Measure the metrics of a trained model."""

from timeit import Timer
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from pipeline.checkpoint import Checkpoint, find_checkpoints, load_checkpoint
from pipeline.cli import UserError
from pipeline.data import DATASETS, load_split
from pipeline.metrics import CORRUPTIONS, LATENCY_BATCHES

BATCH_SIZE = 1000  # images per forward pass
SINGLE_IMAGES = 300  # images that are also read one by one


class Evaluation(NamedTuple):
    """A checkpoint, and its answers on the test set of its data set."""

    checkpoint: Checkpoint
    metrics: dict[str, float]  # by the names in METRICS
    images: torch.Tensor  # (N, 1, H, W) float
    labels: torch.Tensor  # (N,) int64
    probabilities: torch.Tensor  # (N, classes)


def evaluate(checkpoint):
    """Measure a loaded checkpoint; return an Evaluation.

    Raises UserError if the data set has other classes now.
    """
    metadata, model = checkpoint.metadata, checkpoint.model
    dataset = DATASETS[metadata["dataset"]]
    if metadata["classes"] != dataset.classes:
        problem = f"was trained with other classes than {dataset.title} has"
        raise UserError(f"{checkpoint.path} {problem}: train a new model")
    images, labels = load_split(metadata["dataset"], train=False)
    metrics, probabilities = measure(model, images, labels)
    mismatch = abs(metadata["test_accuracy"] - metrics["accuracy"])
    metrics["accuracy_mismatch"] = mismatch / 100 * len(images)  # as a number of images
    metrics["file_megabytes"] = checkpoint.size / 1e6
    if dataset.second_test_set:
        others, other_labels = load_split(dataset.second_test_set, train=False)
        predicted = predict_probabilities(model, others)
        metrics["synthetic_accuracy"] = accuracy(predicted, other_labels)
    return Evaluation(checkpoint, metrics, images, labels, probabilities)


def measure(model, images, labels):
    """Return the metrics of a model by name, and its class probabilities (N, classes)."""
    probabilities = predict_probabilities(model, images)
    tensors = [*model.parameters(), *model.buffers()]
    first = images[:SINGLE_IMAGES].split(1)
    single = torch.cat([predict_probabilities(model, image) for image in first])
    batch_difference = (single - probabilities[:SINGLE_IMAGES]).abs().max()
    confidences, predictions = probabilities.max(dim=1)
    mistakes = confidences[predictions != labels]
    if not len(mistakes):  # Without mistakes, the least confident answer is used.
        mistakes = confidences.min()
    masks = [labels == label for label in labels.unique()]  # of each class
    metrics = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "batch_difference": batch_difference.item(),
        "accuracy": accuracy(probabilities, labels),
        "worst_recall": min(accuracy(probabilities[m], labels[m]) for m in masks),
        "cross_entropy": F.nll_loss(probabilities.log(), labels).item(),
        "mistake_confidence": 100 * mistakes.mean().item(),
        "megabytes": sum(tensor.nbytes for tensor in tensors) / 1e6,
    }
    for name, corrupt in CORRUPTIONS.items():
        corrupted = predict_probabilities(model, corrupt(images))
        distances = (probabilities - corrupted).norm(dim=1)  # from 0 to √2
        metrics[f"{name}_accuracy"] = accuracy(corrupted, labels)
        metrics[f"{name}_difference"] = distances.mean().item()
    baseline = baseline_network(images.shape[-1], probabilities.shape[1])
    for size in LATENCY_BATCHES:
        batch = torch.rand(size, *images.shape[1:])
        latency, baseline_latency = latencies([model, baseline], batch)
        metrics[f"relative_latency_{size}"] = latency / baseline_latency
    return metrics, probabilities


@torch.inference_mode()
def predict_probabilities(model, images):
    """Return class probabilities (N, classes) of images (N, 1, H, W) float in [0, 1]."""
    batches = images.split(BATCH_SIZE)
    return torch.cat([model(batch).softmax(dim=1) for batch in batches])


def accuracy(probabilities, labels):
    """Return the percentage of images whose most probable class is their label."""
    return 100 * (probabilities.argmax(dim=1) == labels).double().mean().item()


def baseline_network(side=28, classes=10):
    """Return a typical small network for square grey images: for MNIST, 7,098 parameters."""
    pooled = ((side - 2) // 2 - 2) // 2  # side of the images after the second pooling
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
    """Return the shortest time of each model for one batch, in milliseconds.

    The models take turns, so that other programs on the machine slow all of them equally.
    """
    timers = [Timer(lambda model=model: model(batch)) for model in models]
    rounds = [[timer.timeit(1) for timer in timers] for _ in range(repeats)]
    return [1000 * min(seconds) for seconds in zip(*rounds, strict=True)]


def evaluate_predecessor(checkpoint, make_network):
    """Evaluate the second newest checkpoint in the current folder.

    Returns an Evaluation, or a text that says why it cannot be compared with `checkpoint`.
    """
    paths = find_checkpoints()
    if len(paths) < 2:
        return "there is no older checkpoint"
    try:
        older = load_checkpoint(make_network, paths[-2])
        if older.metadata["dataset"] != checkpoint.metadata["dataset"]:
            return f"{older.path.name} was trained on another data set"
        return evaluate(older)
    except (UserError, OSError) as error:
        return str(error)
