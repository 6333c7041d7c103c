"""The gate judges metrics by limits, and its report says what the tests said."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from samples import CLASSES, DATASET, random_set, save_network

import test_model
from model import SimpleCNN
from pipeline import data, evaluation, gate, report
from pipeline.gate import Check
from pipeline.metrics import METRICS

pytest_plugins = ["pytester"]
N = 10 * len(CLASSES)  # test images here
NETWORK = SimpleCNN(len(CLASSES)).eval()


def test_check_passes_inside_all_bounds_and_never_for_nan():
    values, limits = (5.9, 6, 8, 8.1, float("nan")), {"at_least": 6, "at_most": 9}
    checks = [gate.judge("accuracy", v, {"accuracy": limits}, 5, 8) for v in values]
    assert [check.measured for check in checks if check.passed] == [6, 8]


def test_failed_check_shows_enough_digits_and_every_bound():
    failed = Check("accuracy", 92.8662, 92.87, 100)
    assert str(failed) == "✗ Test Accuracy: 92.866% (≥ 92.870% and ≤ 100.000%)"
    unsure = Check("mistake_confidence", 40, 46.8, 62.4)
    assert "limits with `python -m experiments.sweep" in str(unsure)


def test_p_value_of_the_sign_test():
    for gained, lost, p in [(9, 12, 0.664), (10, 0, 0.002), (0, 0, 1)]:
        assert report.sign_test(gained, lost) == pytest.approx(p, abs=0.0005)


@pytest.fixture
def run_gate(pytester, monkeypatch):
    """Return a function that runs the gate in an empty folder; returns its result and its summary.

    NETWORK makes no mistakes on the test set, and every model meets the limits.
    """
    images, _ = random_set(N)
    labels = evaluation.predict_probabilities(NETWORK, images).argmax(dim=1)
    dataset = data.DATASETS[DATASET]._replace(second_test_set=None)
    monkeypatch.setitem(data.DATASETS, DATASET, dataset)
    monkeypatch.setattr(evaluation, "load_split", lambda *_, **__: (images, labels))
    monkeypatch.setattr(evaluation, "latencies", lambda *_: (1.0, 1.0))
    monkeypatch.setattr(gate, "LIMITS_FILE", pytester.path / "limits.json")
    wide = {"at_least": -1e9, "at_most": 1e9}
    limits = dict.fromkeys(gate.metrics_with_limits(DATASET), wide)
    gate.LIMITS_FILE.write_text(json.dumps({DATASET: limits}), "utf-8")

    def run_gate(*options):
        result = pytester.runpytest(test_model.__file__, "-pno:cacheprovider", *options)
        exists = report.SUMMARY.exists()
        return result, report.SUMMARY.read_text("utf-8") if exists else None

    return run_gate


def test_only_exactly_the_needed_limits_are_accepted(run_gate):
    save_network()
    limits = gate.read_limits(DATASET)
    for unfit in (None, limits | {"accuracy": {}}, limits | {"rain": {}}):
        gate.LIMITS_FILE.write_text(json.dumps({DATASET: unfit}), "utf-8")
        _, summary = run_gate()
        assert f"{DATASET} has too few or too many limits: run" in summary


def test_good_model_passes_and_a_run_of_two_tests_is_partial(run_gate):
    save_network(network=NETWORK, test_accuracy=100.0)
    result, summary = run_gate()
    assert result.ret == 0
    assert summary.startswith("## PASSED: model_")
    assert summary.count("✓ |") == len(METRICS) - 1
    result.stdout.fnmatch_lines("*Synthetic Digits: skipped, because the data set has*")
    result, summary = run_gate("-m", "not slow and (memory or inference)")
    assert result.ret == 0
    assert summary.startswith("## PARTIAL: 2 OF 5 TESTS: model_")


def test_bad_model_is_red_and_compared_with_its_predecessor(run_gate):
    older = save_network(network=NETWORK, test_accuracy=100.0)
    wrong = deepcopy(NETWORK)
    for parameter in list(wrong.parameters())[-2:]:
        parameter.data *= -1e30  # always wrong, with an infinite cross-entropy
    save_network(network=wrong)
    result, summary = run_gate()
    assert result.ret == 1
    result.stdout.fnmatch_lines("*The limits are those of the default recipe*")
    assert summary.startswith("## FAILED: ")
    assert "- ✗ Test Accuracy: " in summary
    assert "| Test Accuracy | 0.00% | ≥ 95.00% | 100.00% | ✗ |" in summary
    counts = f"correctly only by this model, and {N} only by {older.name}"
    assert f"\n0 images are read {counts} (p < 0.01).\n" in summary
    text = report.METRICS_FILE.read_text("utf-8")
    content = json.loads(text, parse_constant=pytest.fail)  # infinity is not JSON
    assert content["checkpoint"]["metrics"]["cross_entropy"] is None
    assert report.MISTAKES.exists() and report.CONFUSION_MATRIX.exists()


def test_gate_fails_on_an_error_even_if_all_checks_pass(run_gate, monkeypatch):
    save_network(network=NETWORK, test_accuracy=100.0)
    monkeypatch.setattr(test_model, "IMAGE_SIDE", 20)  # does not fit the network
    result, summary = run_gate()
    assert result.ret == 1
    assert summary.startswith("## FAILED")


def test_predecessor_of_another_data_set_is_not_compared(run_gate, monkeypatch):
    monkeypatch.setitem(data.DATASETS, "other", data.DATASETS[DATASET])
    for dataset, reason in {"rain": "unknown data", "other": "another data"}.items():
        save_network(dataset=dataset)
        save_network()
        _, summary = run_gate("-m", "memory")
        assert f"{reason} set" in summary.partition("There is no comparison: ")[2]


def test_problem_of_all_tests_is_printed_once(run_gate):
    result, summary = run_gate()
    assert result.ret == 1
    assert summary.startswith("## FAILED\n\nno model_YYYYMMDD_HHMMSS.pth in ")
    assert result.outlines.count("not judged, because of the problem above") >= 4
    first_test, _, others = result.stdout.str().partition("Test 2: ")
    assert first_test.count("run `python train.py`, or go") == 1
    assert "UserError" not in others  # a sentence, no traceback
    save_network(classes=CLASSES[::-1])
    _, summary = run_gate()
    assert "was trained with other classes than" in summary


def test_parallel_run_is_refused_and_no_old_report_stays(run_gate, monkeypatch):
    report.FOLDER.mkdir()
    report.SUMMARY.touch()
    monkeypatch.setattr(pytest.Config, "workerinput", {}, raising=False)  # of xdist
    result, summary = run_gate()
    assert (result.ret, summary) == (1, None)
    result.stdout.fnmatch_lines("*leave out the option -n*")


def test_slow_tests_alone_need_their_option(pytester):
    options = Path(__file__).with_name("test_faults.py"), "--collect-only", "-mslow"
    result = pytester.runpytest_subprocess(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*need the option --slow*")
    assert pytester.runpytest_subprocess(*options, "--slow").ret == 0
