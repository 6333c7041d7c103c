"""How pytest runs this project: the option --slow, and the fixtures of test_model.py."""

import math
import re
from contextlib import contextmanager

import pytest
import torch

from model import SimpleCNN
from pipeline.checkpoint import load_checkpoint
from pipeline.cli import UserError, print_line
from pipeline.evaluation import evaluate, evaluate_predecessor
from pipeline.gate import judge, read_limits
from pipeline.metrics import METRICS
from pipeline.report import clear_report, write_failure, write_report


def pytest_addoption(parser):
    text = "also run the tests that take minutes, and those that need a browser"
    parser.addoption("--slow", action="store_true", help=text)


def pytest_configure(config):
    # This finds "slow" and "browser", but not "not slow".
    named = re.search(r"(?<!not )\b(slow|browser)\b", config.option.markexpr)
    if named and not config.option.slow:
        raise pytest.UsageError(f"-m {named[1]}: these tests need the option --slow")


def pytest_collection_modifyitems(config, items):
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if marks & {"slow", "browser"} and not config.option.slow:
            item.add_marker(pytest.mark.skip(reason="needs the option --slow"))


def pytest_sessionstart():
    """Delete the report of an earlier run, because it may be about another model."""
    try:
        clear_report()
    except (UserError, OSError) as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report):
    """Print no letter for a check, because it has already printed a line."""
    if isinstance(report, pytest.SubtestReport):
        return ("failed", "", "FAILED") if report.failed else ("", "", "")


def pytest_terminal_summary(terminalreporter):
    failed = terminalreporter.stats.get("failed", [])
    if any("test_model.py" in report.nodeid for report in failed):
        terminalreporter.write_line(
            "Read report/summary.md and the figures beside it. The limits are "
            "those of the default recipe and network: see README."
        )


class Gate:
    """What the five tests share: the newest checkpoint, its evaluation and its checks."""

    def __init__(self):
        self.checkpoint = self.limits = self.evaluation = None
        self.checks = []
        self.problem = None  # why nothing can be judged

    @contextmanager
    def shared_step(self, show):
        """Run a step that all tests need. After its first error, no test tries it again."""
        if self.problem:
            pytest.fail("not judged, because of the problem above", pytrace=False)
        try:
            yield
        except Exception as error:
            self.problem = str(error)
            show(f"  ✗ {self.problem}")
            if isinstance(error, UserError | OSError):
                raise pytest.fail.Exception(self.problem, pytrace=False) from None
            raise


@pytest.fixture(scope="module")
def gate(request):
    """Return the Gate of this run. When the last test has ended, the report is written."""
    if hasattr(request.config, "workerinput"):  # in a process of pytest-xdist
        problem = "the gate measures time in one process: leave out the option -n"
        pytest.fail(problem, pytrace=False)
    torch.set_num_threads(1)  # more threads are slower if another process runs
    failed_before = request.session.testsfailed
    gate = Gate()
    yield gate
    all_tests = [name for name in vars(request.module) if name.startswith("test_")]
    selected = [item for item in request.session.items if item.module is request.module]
    verdict = "passed"
    if request.session.testsfailed > failed_before:
        verdict = "failed"
    elif len(selected) < len(all_tests):
        verdict = f"partial: {len(selected)} of {len(all_tests)} tests"
    if gate.evaluation:
        predecessor = evaluate_predecessor(gate.checkpoint, SimpleCNN)
        write_report(verdict, gate.evaluation, gate.checks, predecessor)
    else:
        write_failure(gate.problem or "a test failed before the model was measured")


@pytest.fixture
def checkpoint(gate, check):
    """Return the newest checkpoint in the current folder."""
    return gate.checkpoint


@pytest.fixture
def check(request, gate, capsys, subtests):
    """Return a function that judges a metric and prints the result."""

    def show(line):
        with capsys.disabled():
            print_line(line)

    def check(metric, at_least=-math.inf, at_most=math.inf):
        with gate.shared_step(show):
            gate.evaluation = gate.evaluation or evaluate(gate.checkpoint)
        with subtests.test(metric):
            if metric not in gate.evaluation.metrics:
                reason = "the data set has no second test set"
                show(f"  – {METRICS[metric].title}: skipped, because {reason}")
                pytest.skip(reason)
            measured = gate.evaluation.metrics[metric]
            result = judge(metric, measured, gate.limits, at_least, at_most)
            gate.checks.append(result)
            show(f"  {result}")
            if not result.passed:
                pytest.fail(str(result), pytrace=False)

    show(f"\n{'=' * 80}\n{request.function.__doc__}\n{'=' * 80}")
    with gate.shared_step(show):
        gate.checkpoint = gate.checkpoint or load_checkpoint(SimpleCNN)
        gate.limits = gate.limits or read_limits(gate.checkpoint.metadata["dataset"])
    return check
