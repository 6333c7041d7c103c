"""The gate judges metrics by limits, and its report says what the tests said."""

import io
import json
import math
import re
import sys
from types import SimpleNamespace

import pytest
import torch
from samples import CLASSES, DATASET, random_set, save_network
from torch import nn

import test_model
from model import SimpleCNN
from pipeline import cli, data, evaluation, gate, report
from pipeline.cli import UserError
from pipeline.gate import Check
from pipeline.metrics import METRICS

pytest_plugins = ["pytester"]
GATE = test_model.__file__
N = 10 * len(CLASSES)  # test images here


def test_check_passes_inside_its_bounds_and_never_for_nan():
    for value, passed in {
        5.9: False,
        6: True,
        8: True,
        8.1: False,
        math.nan: False,
    }.items():
        assert Check("accuracy", value, 6, 8).passed is passed


def test_failed_check_shows_enough_digits_and_every_bound():
    assert "92.87% (≥ 92.87%)" in str(Check("accuracy", 92.87, 92.87, math.inf))
    failed = Check("accuracy", 92.8662, 92.87, 100)
    assert str(failed) == "✗ Test Accuracy: 92.866% (≥ 92.870% and ≤ 100.000%)"
    unsure = Check("mistake_confidence", 40, 46.8, 62.4)
    assert "if you want it, run `python -m experiments.sweep" in str(unsure)


def test_each_metric_is_checked_once_and_has_a_bound():
    bounds = {}
    check = lambda metric, **limits: bounds.setdefault(metric, []).append(limits)
    model = SimpleCNN(len(CLASSES)).eval()
    loaded = SimpleNamespace(metadata={"classes": CLASSES}, model=model)
    for name, test in vars(test_model).items():
        if name.startswith("test_"):
            test(*[loaded] * (test.__code__.co_argcount - 1), check)
    assert bounds.keys() == METRICS.keys()
    for name, (limits,) in bounds.items():
        assert limits or METRICS[name].limits


def test_p_value_of_the_sign_test():
    for gained, lost, p in [(12, 9, 0.664), (9, 12, 0.664), (0, 0, 1), (10, 0, 0.002)]:
        assert report.sign_test(gained, lost) == pytest.approx(p, abs=0.0005)


def test_symbols_are_replaced_where_the_encoding_lacks_them(monkeypatch):
    pipe = io.TextIOWrapper(io.BytesIO(), "cp1252")
    monkeypatch.setattr(sys, "stdout", pipe)
    cli.print_line("✗ Test Accuracy: 92.86% (≥ 92.87%)")
    pipe.flush()
    expected = b"FAILED Test Accuracy: 92.86% (>= 92.87%)"
    assert pipe.buffer.getvalue().strip() == expected


@pytest.fixture
def limits_file(tmp_path, monkeypatch):
    """A limits.json in another folder, which every model meets."""
    path = tmp_path / "limits.json"
    monkeypatch.setattr(gate, "FILE", path)
    rows = {
        name: {bound: {"at_least": -1e9, "at_most": 1e9}[bound] for bound in bounds}
        for name, bounds in gate.metrics_with_limits(DATASET).items()
    }
    path.write_text(json.dumps({DATASET: rows, "other": rows}), "utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (f'"{DATASET}"', '"rain"', f"does not have all limits.*--dataset {DATASET}"),
        ('"accuracy"', '"rain"', "does not have all limits"),
        (
            '"cross_entropy": {"at_most"',
            '"cross_entropy": {"most"',
            "not have all limits",
        ),
        (r"^.*$", "<<<<<<< HEAD", "limits.json is damaged: repair it"),
        (r"^.*$", f'{{"{DATASET}": 7}}', "does not have all limits"),
    ],
)
def test_unfit_limits_are_an_error(old, new, error, limits_file):
    assert gate.read_limits(DATASET)["accuracy"] == {"at_least": -1e9}
    limits_file.write_text(re.sub(old, new, limits_file.read_text("utf-8")), "utf-8")
    with pytest.raises(UserError, match=error):
        gate.read_limits(DATASET)


@pytest.fixture
def network():
    return SimpleCNN(len(CLASSES)).eval()


@pytest.fixture
def run_gate(pytester, limits_file, network, monkeypatch):
    """Function that runs the gate in an empty folder: what it printed, and its summary.

    `network` makes no mistakes on the test set.
    """
    images = random_set(N)[0]
    labels = evaluation.predict_probabilities(network, images).argmax(dim=1)
    noise = data.Dataset("noise", CLASSES, lambda train: (images, labels))
    for name in (DATASET, "other"):
        monkeypatch.setitem(data.DATASETS, name, noise)
    rows = json.loads(limits_file.read_text("utf-8"))
    for row in rows.values():
        row.pop("synthetic_accuracy", None)
    limits_file.write_text(json.dumps(rows), "utf-8")
    monkeypatch.setattr(evaluation, "latencies", lambda *_: (1.0, 1.0))
    data.load_split.cache_clear()
    yield lambda *options: pytester_run(pytester, *options)
    data.load_split.cache_clear()


def pytester_run(pytester, *options):
    result = pytester.runpytest_inprocess(GATE, "-pno:cacheprovider", *options)
    exists = report.SUMMARY.exists()
    return result, report.SUMMARY.read_text("utf-8") if exists else None


def test_report_says_passed_only_for_all_five_tests(run_gate, network):
    save_network(network=network, test_accuracy=100.0)
    result, summary = run_gate()
    assert result.ret == 0, result.outlines
    assert summary.startswith("## PASSED: model_")
    assert "Accuracy on Synthetic Digits" not in summary
    assert "skipped, because the data set has no" in "\n".join(result.outlines)
    result, summary = run_gate("-m", "memory or inference")
    assert result.ret == 0
    assert summary.startswith("## PARTIAL: 2 OF 5 TESTS: model_")
    assert json.loads(report.METRICS_FILE.read_text())["verdict"].startswith("partial")


def test_any_failed_test_makes_the_report_red(run_gate, network, monkeypatch):
    save_network(network=network, test_accuracy=100.0)
    monkeypatch.setattr(test_model, "IMAGE_SIDE", 20)  # an error before any check
    result, summary = run_gate("-m", "architecture")
    assert result.ret == 1
    assert summary.startswith("## FAILED")


def test_report_lists_failures_and_compares_with_the_predecessor(run_gate, network):
    older = save_network(network=network, test_accuracy=100.0)
    worse = SimpleCNN(len(CLASSES))
    worse.linear4.weight.data *= 1e30  # for an infinite cross-entropy
    save_network(network=worse)
    result, summary = run_gate()
    assert result.ret == 1
    metrics = json.loads(
        report.METRICS_FILE.read_text("utf-8"), parse_constant=pytest.fail
    )
    now, before = metrics["checkpoint"]["metrics"], metrics["predecessor"]["metrics"]
    assert (metrics["verdict"], now["cross_entropy"]) == ("failed", None)
    assert summary.startswith("## FAILED: ")
    assert "- ✗ Test Accuracy: " in summary
    assert f"Compared with {older.name}: " in summary
    gained, lost = map(int, re.findall(r"(\d+) (?:images )?newly", summary))
    assert gained - lost == round((now["accuracy"] - before["accuracy"]) * N / 100)
    shown = f"{now['accuracy']:.2f}% | ≥ 95.00% | {before['accuracy']:.2f}%"
    assert f"| Test Accuracy | {shown} | ✗ |" in summary
    assert report.MISTAKES.exists()
    assert "belong to the default recipe" in "\n".join(result.outlines)


@pytest.mark.parametrize("metadata", [{"dataset": "rain"}, {"dataset": "other"}])
def test_predecessor_of_another_data_set_is_not_compared(
    run_gate, metadata, monkeypatch
):
    monkeypatch.setitem(data.DATASETS, "rain", data.DATASETS[DATASET])
    save_network(**metadata)
    monkeypatch.delitem(data.DATASETS, "rain")
    save_network()
    _, summary = run_gate("-m", "memory")
    assert "There is no comparison: " in summary


def test_problem_of_all_tests_is_printed_once(run_gate):
    result, summary = run_gate()
    assert result.ret == 1
    assert result.outlines.count("not judged, because of the problem above") >= 4
    text = "\n".join(result.outlines)
    assert text.count("run `python train.py` first") == 2  # once more in the last lines
    assert summary.startswith("## FAILED\n\nno checkpoint in ")
    save_network(classes=CLASSES[::-1])
    _, summary = run_gate()
    assert "was trained with other classes than noise has" in summary


def test_network_that_reads_single_images_differently_is_caught(run_gate, network):
    class DependsOnBatch(nn.Module):
        def forward(self, images):
            return network(images) + 5.0 * (len(images) == 1) * torch.arange(
                len(CLASSES)
            )

    metrics, _ = evaluation.measure(DependsOnBatch(), *random_set(N))
    assert metrics["batch_difference"] > 0.5


def test_no_report_of_an_earlier_run_survives(pytester):
    report.FOLDER.mkdir()
    report.SUMMARY.touch()
    pytester_run(pytester, "--collect-only")
    assert not report.SUMMARY.exists()


def test_report_folder_that_cannot_be_written_is_a_usage_error(pytester):
    report.FOLDER.touch()
    result = pytester.runpytest_inprocess(GATE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no file can be written to " in "".join(result.errlines)


@pytest.mark.parametrize("mark", ["slow", "browser", "browser or slow"])
def test_slow_tests_need_their_option(mark, pytester):
    result = pytester.runpytest_inprocess(GATE, "-m", mark)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "need the option --slow" in "".join(result.errlines)
    result = pytester.runpytest_inprocess(GATE, "--slow", "-m", mark)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_gate_refuses_several_processes(pytester):
    pytest.importorskip("xdist")
    result = pytester.runpytest_subprocess(GATE, "-n2")
    assert result.ret == 1
    assert "leave out the option -n" in "\n".join(result.outlines)
    assert not report.SUMMARY.exists()
