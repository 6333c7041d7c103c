"""The release gate's record: checks are printed with their verdict and kept."""

import operator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from data import DATASETS, DataError, load_test_set
from model import CheckpointError, load_checkpoint

MARKS = {True: "✓", False: "✗"}
TESTS = 5  # of a complete run
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
        holds = RELATIONS[self.relation]
        return bool(holds(self.measured, self.required))  # never for NaN

    @property
    def result(self):
        return f"{self.name}: {self.form.format(self.measured)}"

    @property
    def requirement(self):
        return f"{self.relation} {self.form.format(self.required)}"


class Gate:
    """What the tests of one checkpoint see.

    `find_checkpoint()` gives its path or raises CheckpointError, `write_line` prints.
    """

    def __init__(self, find_checkpoint, write_line=print):
        self.write_line = write_line
        self.path = self.model = self.error = self.pixels = self.labels = None
        self.dataset = "mnist"
        self.printed = []
        self.checks = []
        self.faults = []  # one sentence each
        self.tests = {}  # whether each passed, by title
        try:
            self.path = find_checkpoint()
            self.model = load_checkpoint(self.path)
            self.dataset = str(self.model.metadata.get("dataset"))
            if self.dataset not in DATASETS:
                raise CheckpointError(
                    f"{self.path} does not say what it was trained on"
                )
        except CheckpointError as error:
            self.error = error

    @contextmanager
    def test(self, title):
        """Print the headline of a test; at its end, fail with all faults found."""
        if self.dataset == "strokes":
            title += " (Stroke Digits)"
        self.print(f"\n{'=' * 80}\n{title}\n{'=' * 80}")
        self.sections = 0
        known_faults, known_checks = len(self.faults), len(self.checks)
        try:
            yield
        except (CheckpointError, DataError) as error:
            self.line(False, str(error))
        except Exception as error:
            self.faults.append(f"{title}: {error!r}")
            raise
        finally:
            self.audit(self.checks[known_checks:])
            faults = self.faults[known_faults:]
            self.tests[title] = not faults
        if faults:
            raise pytest.fail.Exception("\n".join(faults), pytrace=False) from None

    def audit(self, checks):
        """Find fault with every check whose printed mark is not its verdict."""
        for check in checks:
            if f"  {MARKS[check.passed]} {check.result}" not in self.printed:
                self.faults.append(f"The mark printed for {check.result} is false")

    @property
    def dataset_name(self):
        return DATASETS.get(self.dataset, "Unknown")

    @property
    def verdict(self):
        if not all(self.tests.values()):
            return "failed"
        return "passed" if len(self.tests) == TESTS else "incomplete"

    def print(self, text):
        self.printed.append(text)
        self.write_line(text)

    def section(self, title):
        self.sections += 1
        self.print(f"{self.sections}. {title}:")

    def line(self, passed, text):
        """Print a line with its mark; what is marked ✗ fails the test."""
        self.print(f"  {MARKS[passed]} {text}")
        if not passed:
            self.faults.append(text)

    def check(self, name, measured, relation, required, form):
        check = Check(name, measured, relation, required, form)
        self.checks.append(check)
        self.line(check.passed, check.result)
        self.line(check.passed, f"Requirement: {check.requirement}")

    def load_model(self):
        self.section("Loading Trained Model")
        if self.error:
            raise self.error
        self.line(True, f"Successfully loaded model: {self.path.name}")
        return self.model

    def load_test_set(self):
        """Pixels (N, 1, 28, 28) float in [0, 1] and labels (N,) int64."""
        self.section(f"Preparing {self.dataset_name} Test Dataset")
        images, labels = load_test_set(self.dataset)
        self.pixels, self.labels = images / 255, labels
        self.line(len(images) == 10_000, f"Test dataset size: {len(images):,} images")
        return self.pixels, self.labels
