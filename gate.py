"""The release gate's record: every check is printed with its verdict and kept for the report."""

import operator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from data import DataError, load_mnist
from model import CheckpointError, load_checkpoint

RELATIONS = {"≥": operator.ge, "≤": operator.le, "<": operator.lt, "=": operator.eq}


class Check(NamedTuple):
    """A measured number and what is required of it; `form` formats both."""

    name: str
    measured: float
    relation: str
    required: float
    form: str

    @property
    def passed(self):
        return bool(
            RELATIONS[self.relation](self.measured, self.required)
        )  # NaN never passes

    @property
    def requirement(self):
        return f"{self.relation} {self.form.format(self.required)}"


class Gate:
    """What the tests of one checkpoint see.

    `find_checkpoint()` gives its path or raises CheckpointError; `write_line(text)` prints.
    """

    def __init__(self, find_checkpoint, write_line=print):
        self.find_checkpoint = find_checkpoint
        self.write_line = write_line
        self.checks = []
        self.faults = []  # one sentence each

    @contextmanager
    def test(self, title):
        """Print the headline of a test and, at its end, fail with every fault found on the way."""
        self.write_line(f"\n{'=' * 80}\n{title}\n{'=' * 80}")
        self.sections = 0
        faults_before = len(self.faults)
        try:
            yield
        except (CheckpointError, DataError) as error:
            self.line(False, str(error))
        if faults := self.faults[faults_before:]:
            raise pytest.fail.Exception("\n".join(faults), pytrace=False) from None

    def section(self, title):
        self.sections += 1
        self.write_line(f"{self.sections}. {title}:")

    def line(self, passed, text):
        """The only place that prints a mark, and what it marks ✗ fails the test."""
        self.write_line(f"  {'✓' if passed else '✗'} {text}")
        if not passed:
            self.faults.append(text)

    def check(self, name, measured, relation, required, form):
        check = Check(name, measured, relation, required, form)
        self.checks.append(check)
        self.line(check.passed, f"{name}: {form.format(measured)}")
        self.line(check.passed, f"Requirement: {check.requirement}")

    def load_model(self):
        self.section("Loading Trained Model")
        self.path = self.find_checkpoint()
        self.model = load_checkpoint(self.path)
        self.line(True, f"Successfully loaded model: {self.path.name}")
        return self.model

    def load_test_set(self):
        """Pixels (N, 1, 28, 28) float in [0, 1] and labels (N,) int64."""
        self.section("Preparing MNIST Test Dataset")
        _, (images, self.labels) = load_mnist()
        self.pixels = images / 255
        self.line(len(images) == 10_000, f"Test dataset size: {len(images):,} images")
        return self.pixels, self.labels
