"""What the release gate is made of: examined checkpoints, limits, and checks of both."""

import operator
import os
from pathlib import Path
from typing import NamedTuple

import torch

from pipeline.checkpoint import Checkpoint, find_checkpoints, load_checkpoint
from pipeline.cli import UserError
from pipeline.data import load_test_set, missing_files
from pipeline.evaluation import accuracy, measure, predict

MARKS = {True: "✓", False: "✗"}
RELATIONS = {"≥": operator.ge, "≤": operator.le, "<": operator.lt, "=": operator.eq}


class Limit(NamedTuple):
    """What is required of a figure of `examine`, by data set; `form` is for printing."""

    figure: str
    name: str
    form: str
    relation: str
    mnist: float | str | None  # None: nothing
    strokes: float | str | None


class Check(NamedTuple):
    """A measured figure and what is required of it, as text, and whether it holds."""

    name: str
    measured: str
    required: str
    passed: bool

    def __str__(self):
        return f"{MARKS[self.passed]} {self.name}: {self.measured} ({self.required})"


class Examined(NamedTuple):
    """A checkpoint and what it does on its test set, or the error that prevented that."""

    path: Path | None = None
    error: str = ""
    checkpoint: Checkpoint | None = None
    dataset: str = ""
    figures: dict | None = None  # by name; None for what is unknown
    images: torch.Tensor | None = None  # (N, 1, 28, 28) float
    labels: torch.Tensor | None = None  # (N,) int64
    probabilities: torch.Tensor | None = None  # (N, 10)


def examine_newest():
    """The newest checkpoint in the current folder and the one before it, examined."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        problem = "the gate measures in one process: run it without -n"
        return Examined(error=problem), Examined()
    try:
        newest, *older = reversed(find_checkpoints())
    except UserError as error:
        return Examined(error=str(error)), Examined()
    return examine(newest), examine(older[0]) if older else Examined()


def examine(path):
    """Load the checkpoint at `path` and measure it on the kind of digits it learned."""
    try:
        checkpoint = load_checkpoint(path)
        examined = examine_model(checkpoint.model, checkpoint.metadata["dataset"])
    except (UserError, OSError) as error:
        return Examined(path, str(error))
    claimed = checkpoint.metadata["test_accuracy"]
    figures = examined.figures | {
        "false_claim": abs(claimed - examined.figures["accuracy"]),
        "file_megabytes": len(checkpoint.content) / 1e6,
    }
    return examined._replace(path=path, checkpoint=checkpoint, figures=figures)


def examine_model(model, dataset):
    """Measure a model on the test set of "mnist" or "strokes"."""
    torch.set_num_threads(1)  # two processes of several threads would slow each other
    images, labels = load_test_set(dataset)
    figures, probabilities = measure(model, images, labels)
    figures |= dict.fromkeys(["mnist_accuracy", "false_claim", "file_megabytes"])
    if dataset == "strokes" and not missing_files():
        digits, truth = load_test_set("mnist")
        figures["mnist_accuracy"] = accuracy(predict(model, digits), truth)
    return Examined(None, "", None, dataset, figures, images, labels, probabilities)


def judge(limits, examined):
    """Checks of an examined checkpoint, by those limits that its data set has.

    There are none where nothing was measured. Raises KeyError for an unknown figure.
    """
    checks = []
    for limit in limits if examined.figures else ():
        measured = examined.figures[limit.figure]
        required = getattr(limit, examined.dataset)
        if measured is None or required is None:
            continue
        passed = RELATIONS[limit.relation](measured, required)  # never for NaN
        shown, bound = limit.form.format(measured), limit.form.format(required)
        checks.append(Check(limit.name, shown, f"{limit.relation} {bound}", passed))
    return checks
