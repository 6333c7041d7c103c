"""What the release gate is made of: a checkpoint is measured, and judged by limits."""

import operator
from typing import NamedTuple

import torch

from pipeline.checkpoint import Checkpoint, find_checkpoints, load_checkpoint
from pipeline.cli import UserError, printable
from pipeline.data import DATASETS
from pipeline.evaluation import METRICS, accuracy, measure, predict_probabilities
from pipeline.limits import fingerprint, read_limits

MARKS = {True: "✓", False: "✗"}
RELATIONS = {"≥": operator.ge, "≤": operator.le, "<": operator.lt, "=": operator.eq}


class Check(NamedTuple):
    """A measured figure and what is required of it, as text, and whether it holds."""

    figure: str
    name: str
    measured: str
    required: str
    passed: bool

    def __str__(self):
        return f"{MARKS[self.passed]} {self.name}: {self.measured} ({self.required})"


class Examined(NamedTuple):
    """A checkpoint and what it does on the test set of its data set."""

    checkpoint: Checkpoint
    figures: dict  # by the names of METRICS; None for what is not at hand
    images: torch.Tensor  # (N, C, H, W) float
    labels: torch.Tensor  # (N,) int64
    probabilities: torch.Tensor  # (N, classes)


class Verdict(NamedTuple):
    """An examined checkpoint and its checks."""

    examined: Examined
    checks: list[Check]
    headline: str  # what was judged, and by the limits of which other recipe


class Failure(NamedTuple):
    """A checkpoint that cannot be judged."""

    name: str
    reason: str


def examine(path, network):
    """Load the checkpoint at `path` into `network` and measure it.

    Raises as `load_checkpoint` and the loader of the data set do.
    """
    checkpoint = load_checkpoint(network, path)
    record, dataset = checkpoint.metadata, DATASETS[checkpoint.metadata["dataset"]]
    if record["classes"] != dataset.classes:
        raise UserError(f"{path} has learned other classes than {dataset.title} has")
    images, labels = dataset.load(train=False)
    figures, probabilities = measure(checkpoint.model, images, labels)
    error = record["test_accuracy"] - figures["accuracy"]
    figures["accuracy_mismatch"] = abs(error) * len(images) / 100
    figures["file_megabytes"] = checkpoint.size / 1e6
    figures["synthetic_accuracy"] = None
    if dataset.other and (other := dataset.other()):
        hands, truth = other
        figures["synthetic_accuracy"] = accuracy(
            predict_probabilities(checkpoint.model, hands), truth
        )
    return Examined(checkpoint, figures, images, labels, probabilities)


def judge(limits, figures):
    """Checks of figures by name; a figure that is None is not at hand, and passed over."""
    checks = []
    for figure, relation, required in limits:
        measured = figures[figure]
        if measured is not None:
            title, show = METRICS[figure].title, METRICS[figure].show
            passed = RELATIONS[relation](measured, required)  # never for NaN
            bound = f"{relation} {show(required)}"
            checks.append(Check(figure, title, show(measured), bound, passed))
    return checks


def judge_checkpoint(path, network, requirements):
    """Verdict on a checkpoint, or Failure; `requirements` makes Limits for n classes."""
    try:
        examined = examine(path, network)
        record, images = examined.checkpoint.metadata, examined.images
        name = record["dataset"]
        mark = fingerprint(name, images, examined.labels)
        limits, recipe = read_limits(name, mark, examined.figures)
    except (UserError, OSError) as error:
        return Failure(path.name, str(error))
    limits += requirements(len(record["classes"]))
    limits.sort(key=lambda limit: list(METRICS).index(limit.figure))
    headline = f"{path.name} on {len(images):,} test images of {DATASETS[name].title}"
    others = [
        f"{knob} = {record.get(knob)} instead of {value}"
        for knob, value in recipe.items()
        if record.get(knob) != value
    ]
    if others:
        headline += f", trained otherwise than for the limits: {', '.join(others)}"
    return Verdict(examined, judge(limits, examined.figures), printable(headline))


def judge_newest(network, requirements):
    """Verdict or Failure of the newest checkpoint here, and of the one before it."""
    predecessor = Failure("", "there is no older checkpoint")
    try:
        newest, *older = reversed(find_checkpoints())
    except UserError as error:
        return Failure("no checkpoint", str(error)), predecessor
    if older:
        predecessor = judge_checkpoint(older[0], network, requirements)
    return judge_checkpoint(newest, network, requirements), predecessor
