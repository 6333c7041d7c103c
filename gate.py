"""What the release gate is made of: examined checkpoints, limits, and checks of both."""

import operator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import torch

from checkpoint import Checkpoint, CheckpointError, load_checkpoint
from data import DATASETS, DataError, has_mnist, load_test_set, to_pixels
from evaluation import accuracy, measure, predict

MARKS = {True: "✓", False: "✗"}
RELATIONS = {"≥": operator.ge, "≤": operator.le, "<": operator.lt, "=": operator.eq}


class Limit(NamedTuple):
    """What is required of a figure of `examine`, by data set; `form` prints both."""

    figure: str
    name: str
    form: str
    relation: str
    mnist: float | None  # None: nothing
    strokes: float | None


class Check(NamedTuple):
    """A measured figure and what is required of it, as text, and whether it holds."""

    name: str
    measured: str
    required: str
    passed: bool

    def __str__(self):
        return f"{MARKS[self.passed]} {self.name}: {self.measured} ({self.required})"


@dataclass(frozen=True)
class Examined:
    """A checkpoint and what it does on its test set, or the error that prevented that."""

    path: Path | None = None
    error: str = ""
    checkpoint: Checkpoint | None = None
    dataset: str = ""
    figures: dict = field(default_factory=dict)  # by name; None for what is unknown
    pixels: torch.Tensor | None = None  # (N, 1, 28, 28) float in [0, 1]
    labels: torch.Tensor | None = None  # (N,) int64
    probabilities: torch.Tensor | None = None  # (N, 10)


def examine(path):
    """Load the checkpoint at `path` and measure it on the kind of digits it learned."""
    try:
        checkpoint = load_checkpoint(path)
        dataset = checkpoint.metadata.get("dataset")
        if dataset not in DATASETS:
            raise CheckpointError(f"{path} does not say what it was trained on")
        examined = examine_model(checkpoint.model, dataset)
    except (CheckpointError, DataError) as error:
        return Examined(path, str(error))
    claimed = checkpoint.metadata["test_accuracy"]
    figures = examined.figures | {
        "false_claim": abs(claimed - examined.figures["accuracy"]),
        "file_megabytes": checkpoint.size / 1e6,
    }
    return replace(examined, path=path, checkpoint=checkpoint, figures=figures)


def examine_model(model, dataset):
    """Measure a model on the test set of "mnist" or "strokes"; raises DataError."""
    images, labels = load_test_set(dataset)
    pixels = to_pixels(images)
    figures, probabilities = measure(model, pixels, labels)
    figures |= dict.fromkeys(["mnist_accuracy", "false_claim", "file_megabytes"])
    if dataset == "strokes" and has_mnist():
        digits, truth = load_test_set("mnist")
        figures["mnist_accuracy"] = accuracy(predict(model, to_pixels(digits)), truth)
    return Examined(
        dataset=dataset,
        figures=figures,
        pixels=pixels,
        labels=labels,
        probabilities=probabilities,
    )


def judge(limits, examined):
    """Checks of an examined checkpoint, by those limits that its data set has.

    None where nothing could be measured; KeyError for a limit of an unknown figure.
    """
    checks = []
    for limit in limits if examined.figures else ():
        measured = examined.figures[limit.figure]
        required = getattr(limit, examined.dataset)
        if measured is None or required is None:
            continue
        passed = RELATIONS[limit.relation](measured, required)  # never for NaN
        requirement = f"{limit.relation} {limit.form.format(required)}"
        checks.append(
            Check(limit.name, limit.form.format(measured), requirement, passed)
        )
    return checks
