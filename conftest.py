"""How pytest runs this project: the option --slow, and the fixtures of test_model.py."""

import math
from contextlib import contextmanager

import pytest
import torch

from model import SimpleCNN
from pipeline.checkpoint import load_checkpoint
from pipeline.cli import UserError, print_line
from pipeline.evaluation import evaluate, evaluate_predecessor
from pipeline.gate import judge, read_limits
from pipeline.metrics import METRICS
from pipeline.report import ADVICE, SUMMARY, clear_report, write_failure, write_report


def pytest_addoption(parser):
    text = "also run the tests that take minutes, and those that need a browser"
    parser.addoption("--slow", action="store_true", help=text)


@pytest.hookimpl(trylast=True)  # after pytest has selected the tests of -m and -k
def pytest_collection_modifyitems(config, items):
    if config.option.slow:
        return
    slow = [item for item in items if {"slow", "browser"} & item.keywords.keys()]
    if slow and slow == items:
        raise pytest.UsageError("all of these tests need the option --slow")
    for item in slow:
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
        terminalreporter.write_line(f"Read {SUMMARY}. {ADVICE}")


class Gate:
    """What the five tests share: the newest checkpoint, its evaluation and its checks."""

    def __init__(self):
        self.checkpoint = self.limits = self.evaluation = None
        self.checks = []
        self.problem = None  # the error, if the model cannot be loaded or measured

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
            raise  # any other error is a fault of the code, and gets a traceback


@pytest.fixture(scope="module")
def gate(request):
    """Return the Gate of this run. When the last test has ended, the report is written."""
    if hasattr(request.config, "workerinput"):  # in a process of pytest-xdist
        problem = "the gate measures time in one process: leave out the option -n"
        pytest.fail(problem, pytrace=False)
    torch.set_num_threads(1)  # the layers are so small that one thread is fastest
    failed_before = request.session.testsfailed
    gate = Gate()
    yield gate
    # Options such as -m and -k may have selected only some of the five tests.
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
    """Return the newest checkpoint in the current folder. The fixture `check` has loaded it."""
    return gate.checkpoint


@pytest.fixture
def check(request, gate, capsys, subtests):
    """Return a function that judges a metric and prints the result."""

    def show(line):
        with capsys.disabled():
            print_line(line)

    show(f"\n{'=' * 80}\n{request.function.__doc__}\n{'=' * 80}")
    with gate.shared_step(show):
        gate.checkpoint = gate.checkpoint or load_checkpoint(SimpleCNN)
        gate.limits = gate.limits or read_limits(gate.checkpoint.metadata["dataset"])

    def check_metric(metric, at_least=-math.inf, at_most=math.inf):
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

    return check_metric
