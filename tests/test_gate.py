"""The gate judges metrics by limits, and its report says what the tests said."""

import json
import math
import re
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest
from samples import CLASSES, DATASET, random_set, save_network

import test_model
from model import SimpleCNN
from pipeline import data, evaluation, gate, report
from pipeline.cli import UserError
from pipeline.gate import Check
from pipeline.metrics import METRICS

pytest_plugins = ["pytester"]
N = 10 * len(CLASSES)  # test images here
NETWORK = SimpleCNN(len(CLASSES)).eval()
EVERYTHING = {"at_least": -1e9, "at_most": 1e9}


def test_check_passes_inside_its_bounds_and_never_for_nan():
    values = 5.9, 6, 8, 8.1, math.nan
    assert [v for v in values if Check("accuracy", v, 6, 8).passed] == [6, 8]


def test_failed_check_shows_enough_digits_and_every_bound():
    assert "92.87% (≥ 92.87%)" in str(Check("accuracy", 92.87, 92.87, math.inf))
    failed = Check("accuracy", 92.8662, 92.87, 100)
    assert str(failed) == "✗ Test Accuracy: 92.866% (≥ 92.870% and ≤ 100.000%)"
    unsure = Check("mistake_confidence", 40, 46.8, 62.4)
    assert "to accept it, run `python -m experiments.sweep" in str(unsure)


def test_each_metric_is_checked_once_and_has_a_bound():
    bounds = []
    check = lambda metric, **limits: bounds.append((metric, limits))
    loaded = SimpleNamespace(metadata={"classes": CLASSES}, model=NETWORK)
    for name, test in vars(test_model).items():
        if name.startswith("test_"):
            test(*[loaded] * (test.__code__.co_argcount - 1), check)
    assert sorted(metric for metric, _ in bounds) == sorted(METRICS)
    assert all(limits or METRICS[metric].limits for metric, limits in bounds)


def test_p_value_of_the_sign_test():
    for gained, lost, p in [(9, 12, 0.664), (10, 0, 0.002), (0, 0, 1)]:
        assert report.sign_test(gained, lost) == pytest.approx(p, abs=0.0005)


@pytest.fixture
def run_gate(pytester, monkeypatch):
    """Function that runs the gate in an empty folder: what it printed, and its summary.

    NETWORK makes no mistakes on its test set, and every model meets its limits.
    """
    images, _ = random_set(N)
    labels = evaluation.predict_probabilities(NETWORK, images).argmax(dim=1)
    noise = data.Dataset("noise", CLASSES, lambda train: (images, labels))
    monkeypatch.setitem(data.DATASETS, DATASET, noise)
    monkeypatch.setitem(data.DATASETS, "other", noise)
    monkeypatch.setattr(evaluation, "latencies", lambda *_: (1.0, 1.0))
    monkeypatch.setattr(gate, "LIMITS_FILE", pytester.path / "limits.json")
    limits = dict.fromkeys(gate.metrics_with_limits(DATASET), EVERYTHING)
    gate.LIMITS_FILE.write_text(json.dumps({DATASET: limits}), "utf-8")
    data.load_split.cache_clear()

    def run_gate(*options, plugins=()):
        options = test_model.__file__, "-pno:cacheprovider", *options
        result = pytester.runpytest(*options, plugins=plugins)
        exists = report.SUMMARY.exists()
        return result, report.SUMMARY.read_text("utf-8") if exists else None

    yield run_gate
    data.load_split.cache_clear()


def test_unfit_limits_are_an_error(run_gate):
    limits = json.loads(gate.LIMITS_FILE.read_text("utf-8"))[DATASET]
    for unfit in (None, 7, limits | {"accuracy": {}}, limits | {"rain": {}}):
        gate.LIMITS_FILE.write_text(json.dumps({DATASET: unfit}), "utf-8")
        with pytest.raises(UserError, match=f"not have exactly .*--dataset {DATASET}"):
            gate.read_limits(DATASET)


def test_verdict_is_that_of_the_tests(run_gate, monkeypatch):
    save_network(network=NETWORK, test_accuracy=100.0)
    result, summary = run_gate()
    assert result.ret == 0
    assert summary.startswith("## PASSED: model_")
    assert "Accuracy on Synthetic Digits" not in summary
    result.stdout.fnmatch_lines("*skipped, because the data set has no second*")
    result, summary = run_gate("-m", "not slow and (memory or inference)")
    assert result.ret == 0
    assert summary.startswith("## PARTIAL: 2 OF 5 TESTS: model_")
    monkeypatch.setattr(test_model, "IMAGE_SIDE", 20)  # an error before any check
    result, summary = run_gate("-m", "architecture")
    assert result.ret == 1
    assert summary.startswith("## FAILED")


def test_report_lists_failures_and_compares_with_the_predecessor(run_gate):
    older = save_network(network=NETWORK, test_accuracy=100.0)
    wrong = deepcopy(NETWORK)
    for parameter in list(wrong.parameters())[-2:]:
        parameter.data *= -1e30  # always wrong, with an infinite cross-entropy
    save_network(network=wrong)
    result, summary = run_gate()
    assert result.ret == 1
    result.stdout.fnmatch_lines("*right only for the default recipe and network*")
    assert summary.startswith("## FAILED: ")
    assert "- ✗ Test Accuracy: " in summary
    counts = f"0 images newly right, {N} newly wrong (p < 0.01)"
    assert f"Compared with {older.name}: {counts}" in summary
    assert "| Test Accuracy | 0.00% | ≥ 95.00% | 100.00% | ✗ |" in summary
    text = report.METRICS_FILE.read_text("utf-8")
    content = json.loads(text, parse_constant=pytest.fail)
    assert content["verdict"] == "failed"
    assert content["checkpoint"]["metrics"]["cross_entropy"] is None
    assert report.MISTAKES.exists()


def test_predecessor_of_another_data_set_is_not_compared(run_gate):
    for dataset, reason in {"rain": "unknown data", "other": "another data"}.items():
        save_network(dataset=dataset)
        save_network()
        _, summary = run_gate("-m", "memory")
        assert re.search(f"There is no comparison: .*{reason} set", summary)


def test_problem_of_all_tests_is_printed_once(run_gate):
    result, summary = run_gate()
    assert result.ret == 1
    assert result.outlines.count("not judged, because of the problem above") >= 4
    heading, _, errors = result.stdout.str().partition("Test 2: ")
    assert heading.count("run `python train.py` first") == 1
    assert errors.partition("short test summary")[0].count("python train.py") == 1
    assert summary.startswith("## FAILED\n\nno checkpoint in ")
    save_network(classes=CLASSES[::-1])
    _, summary = run_gate()
    assert "was trained with other classes than noise has" in summary


def test_gate_without_a_measurement_leaves_no_report(run_gate):
    def pytest_configure(config):
        config.workerinput = {}  # as in a process of pytest-xdist

    report.FOLDER.mkdir()
    report.SUMMARY.touch()
    plugin = SimpleNamespace(pytest_configure=pytest_configure)
    result, summary = run_gate(plugins=[plugin])
    assert (result.ret, summary) == (1, None)
    result.stdout.fnmatch_lines("*leave out the option -n*")


def test_slow_tests_alone_need_their_option(pytester):
    options = Path(__file__).with_name("test_faults.py"), "--collect-only", "-mslow"
    result = pytester.runpytest_subprocess(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*need the option --slow*")
    assert pytester.runpytest_subprocess(*options, "--slow").ret == 0


def test_report_folder_that_cannot_be_written_is_a_usage_error(run_gate):
    report.FOLDER.touch()
    result, _ = run_gate()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*no file can be written to *change its permissions*")
