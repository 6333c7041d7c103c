"""The release gate of the newest trained model: five tests, not unit tests of model.py.

What any model must satisfy stands here. How far it may stray from good models was
measured: python -m experiments.sweep --write sets the limits in pipeline/limits.json.
"""

import sys

import pytest
import torch

from model import SimpleCNN
from pipeline.cli import UserError
from pipeline.evaluation import CORRUPTIONS
from pipeline.gate import Failure, judge_newest
from pipeline.limits import Limit
from pipeline.report import clear_report, write_report


def requirements(classes):
    """Limits that hold for every data set of so many classes."""
    return [
        Limit("output_1", "=", f"1 × {classes}"),
        Limit("output_32", "=", f"32 × {classes}"),
        Limit("output_64", "=", f"64 × {classes}"),
        Limit("parameters", "<", 25_000),
        Limit("accuracy", "≥", 95.0),
        Limit("accuracy_mismatch", "≤", 1.5),
        Limit("megabytes", "≤", 0.1),
        Limit("file_megabytes", "≤", 0.1),
        # Times as long as a plain network of 7,098 parameters, on the same machine.
        Limit("latency_1", "≤", 6.0),
        Limit("latency_32", "≤", 2.5),
        Limit("latency_64", "≤", 2.5),
    ]


@pytest.mark.architecture
def test_architecture(check):
    """Test 1: Model Architecture Validation"""
    check("output_1", "output_32", "output_64", "parameters")


@pytest.mark.performance
def test_performance(check):
    """Test 2: Model Performance Evaluation"""
    trust = "cross_entropy", "mistake_confidence", "accuracy_mismatch"
    check("images", "accuracy", "worst_recall", *trust)


@pytest.mark.robustness
def test_robustness(check):
    """Test 3: Model Robustness Evaluation"""
    kinds = "accuracy", "difference"
    changed = [f"{change}_{kind}" for change in CORRUPTIONS for kind in kinds]
    check("synthetic_accuracy", *changed)


@pytest.mark.memory
def test_memory(check):
    """Test 4: Memory Usage Evaluation"""
    check("megabytes", "file_megabytes")


@pytest.mark.inference
def test_inference(check):
    """Test 5: Inference Speed Evaluation"""
    check("latency_1", "latency_32", "latency_64")


@pytest.fixture(scope="module")
def verdict(request):
    """Verdict on the newest checkpoint here, reported, or the Failure to reach one."""
    if hasattr(request.config, "workerinput"):  # of pytest-xdist
        return Failure("", "the gate measures in one process: run it without -n")
    torch.set_num_threads(1)  # two processes of several threads would slow each other
    try:
        clear_report()
        verdict, predecessor = judge_newest(SimpleCNN, requirements)
        write_report(verdict, predecessor)
    except (UserError, OSError) as error:  # the report could not be written
        return Failure("", str(error))
    return verdict


@pytest.fixture
def check(request, verdict):
    """Function that prints the checks of figures, and fails with those that fail."""
    terminal = request.config.pluginmanager.get_plugin("terminalreporter")

    def judge_figures(*figures):
        rule = "=" * 80
        lines = ["", rule, request.function.__doc__, rule]
        if isinstance(verdict, Failure):
            faults = [verdict.reason]
        else:
            checks = [check for check in verdict.checks if check.figure in figures]
            faults = [str(check) for check in checks if not check.passed]
            lines += [verdict.headline, *(f"  {check}" for check in checks)]
        if terminal:  # past pytest's capture
            request.config.get_terminal_writer().line("\n".join(lines))
        if faults:
            pytest.fail("\n".join(faults), pytrace=False)

    return judge_figures


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
