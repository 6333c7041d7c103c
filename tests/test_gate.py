"""Limits, verdicts and reports: one mark for one verdict, and a report in every case."""

import json
import shutil
import sys
from pathlib import Path
from subprocess import PIPE, run
from unittest.mock import Mock

import pytest
import torch

import test_model
from model import SimpleCNN
from pipeline import checkpoint, data, evaluation, gate, limits, report
from pipeline.cli import UserError

NAME = data.DEFAULT
CLASSES = data.DATASETS[NAME].classes
N = 10 * len(CLASSES)  # test images here
GATE = Path(test_model.__file__)


def test_check_is_marked_as_passed_by_its_relation():
    passing = {"≥": [7, 8], "≤": [6, 7], "<": [6], "=": [7]}
    for relation, values in passing.items():
        limit = limits.Limit("accuracy", relation, 7)
        for measured in (6, 7, 8, float("nan")):
            (check,) = gate.judge([limit], {"accuracy": measured})
            assert check.passed is (measured in values)
            assert str(check)[0] == ("✓" if check.passed else "✗")
    assert not gate.judge([limit], {"accuracy": None})  # which is not at hand


def test_each_figure_is_judged_by_one_of_the_five_tests():
    judged = []
    for name, test in vars(test_model).items():
        if name.startswith("test_"):
            test(lambda *figures: judged.extend(figures))
    assert sorted(judged) == sorted(limits.FIGURES)
    required = {limit.figure for limit in test_model.requirements(3)}
    assert {n for n, f in limits.FIGURES.items() if not f.relations} <= required


def test_sign_test():
    cases = [(12, 9, 0.664), (9, 12, 0.664), (0, 0, 1), (5, 5, 1), (10, 0, 2 / 1024)]
    for gained, lost, p in cases:
        assert report.sign_test(gained, lost) == pytest.approx(p, abs=0.0005)


def test_limits_lie_five_deviations_from_the_mean_and_are_rounded_outwards():
    runs = [dict.fromkeys(limits.FIGURES, value) for value in (50.0, 52.0, 54.0)]
    for figures in runs:
        figures |= {"images": 1000, "dimming_difference": 0.0, "grey_accuracy": 90.0}
        figures |= {"other_accuracy": None}
    rows = limits.measure_limits(runs, 1000)
    assert rows["accuracy"]["limits"] == {"≥": 42.0}
    assert rows["accuracy"]["worst"] == 50
    assert rows["mistake_confidence"]["limits"] == {"≥": 42.0, "≤": 62.0}
    assert rows["images"]["limits"] == {"=": 1000}
    assert rows["dimming_difference"]["limits"] == {"≤": 0.001}  # one digit
    assert rows["grey_accuracy"]["limits"] == {"≥": 89.5}  # five images
    assert not {"other_accuracy", "slowdown_1"} & rows.keys()
    runs[0]["cross_entropy"] = 50.0004
    tight = limits.measure_limits(runs[:1] * 2, 1000)["cross_entropy"]
    assert tight["limits"] == {"≤": 50.001}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Working folder in which the gate finds a few random images to test on."""
    torch.manual_seed(0)
    test_set = torch.rand(N, 1, 28, 28), torch.arange(N) % len(CLASSES)
    dataset = data.Dataset("noise", CLASSES, lambda train: test_set)
    monkeypatch.setitem(data.DATASETS, NAME, dataset)
    monkeypatch.setattr(evaluation, "latencies", lambda *_: (1.0, 1.0))
    monkeypatch.setattr(limits, "FILE", tmp_path / "limits.json")
    monkeypatch.chdir(tmp_path)
    figures = gate.examine(save(), SimpleCNN).figures
    Path(checkpoint.find_checkpoints()[0]).unlink()
    rows = limits.measure_limits([figures, figures], N)
    mark = limits.fingerprint(NAME, *test_set)
    limits.write_limits(NAME, mark, {"seed": 0, "epochs": 1}, rows)


def save(seed=0, factor=1.0, **metadata):
    torch.manual_seed(seed)
    model = SimpleCNN(len(CLASSES)).eval()
    model.linear4.weight.data *= factor
    record = {"dataset": NAME, "classes": CLASSES, "test_accuracy": 10.0, "epochs": 1}
    return checkpoint.save_checkpoint(model, record | metadata)


def write_report():
    report.clear_report()
    verdict, predecessor = gate.judge_newest(SimpleCNN, test_model.requirements)
    report.write_report(verdict, predecessor)
    text = Path("report/metrics.json").read_text("utf-8")
    metrics = json.loads(text, parse_constant=sys.exit)
    assert metrics["verdict"] == "failed"
    return metrics, Path("report/summary.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda entry: entry.clear(), "has no limits"),
        (lambda entry: entry.update(figures=[]), "has no limits"),
        (lambda entry: entry.update(test_set="0"), "is of another test set"),
        (lambda entry: entry["figures"].pop("accuracy"), "differ in accuracy"),
        (lambda entry: entry["figures"].update(rain={"limits": {}}), "differ in rain"),
    ],
)
def test_limits_of_other_figures_or_test_sets_are_refused(folder, change, reason):
    entries = json.loads(limits.FILE.read_text("utf-8"))
    change(entries[NAME])
    limits.FILE.write_text(json.dumps(entries), "utf-8")
    save()
    summary = write_report()[1]
    assert f"limits.json {reason}" in summary or f"the figures {reason}" in summary
    assert f"--dataset {NAME} --write" in summary


def test_other_recipe_than_that_of_the_limits_is_told(folder):
    save()
    assert "trained otherwise" not in write_report()[1]
    save(epochs=3)
    assert (
        "trained otherwise than for the limits: epochs = 3 instead of 1"
        in (write_report()[1])
    )


def test_report_without_figures_says_why(folder, monkeypatch):
    summary = write_report()[1]
    assert "no checkpoint in" in summary
    assert "|" not in summary  # no table

    save(classes=CLASSES[::-1])
    assert "has learned other classes than noise has" in write_report()[1]
    save()
    error = UserError("t10k\udcff is damaged")  # a name that is not UTF-8
    with monkeypatch.context() as damage:
        dataset = data.DATASETS[NAME]._replace(load=Mock(side_effect=error))
        damage.setitem(data.DATASETS, NAME, dataset)
        assert "t10k\\udcff is damaged" in write_report()[1]
    save().write_bytes(b"")
    assert "is damaged or not a checkpoint" in write_report()[1]
    assert not Path("report/mistakes.png").exists()


def test_report_lists_faults_and_compares_with_the_predecessor(folder):
    older = save(seed=1)
    save(factor=1e30)  # whose cross-entropy is infinite
    metrics, summary = write_report()
    assert "## FAILED: model_" in summary
    assert "- ✗ Test Accuracy: " in summary
    assert metrics["checkpoint"]["figures"]["cross_entropy"] is None
    assert Path("report/mistakes.png").exists()
    assert f"Against {older.name}: " in summary
    assert "images newly right" in summary
    assert metrics["predecessor"]["file"] == older.name
    now = metrics["checkpoint"]["figures"]["accuracy"]
    before = metrics["predecessor"]["figures"]["accuracy"]
    row = f"| Test Accuracy | {now:.2f}% | ≥ 95.00% | {before:.2f}% | ✗ |"
    assert row in summary


def test_predecessor_that_cannot_be_compared_changes_no_verdict(folder, monkeypatch):
    other = data.DATASETS[NAME]
    monkeypatch.setitem(data.DATASETS, "other", other)
    entries = json.loads(limits.FILE.read_text("utf-8"))
    mark = limits.fingerprint("other", *other.load(train=False))
    entries["other"] = entries[NAME] | {"test_set": mark}
    limits.FILE.write_text(json.dumps(entries), "utf-8")
    stranger = save(dataset="other")
    damaged = save()
    reason = f"No comparison: {stranger.name} has learned another data set"
    assert reason in write_report()[1]
    damaged.write_bytes(b"")
    save()
    summary = write_report()[1]
    assert f"No comparison: {damaged.resolve()} is damaged" in summary
    assert "| Test Accuracy | " in summary


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "report must be a folder with room to write"),
        (["-n2"], "the gate measures in one process: run it without -n"),
        (["-p", "no:terminal"], ""),
    ],
)
def test_gate_that_cannot_judge_is_red(options, sentence, tmp_path):
    if "-n2" in options:
        pytest.importorskip("xdist")
    (tmp_path / "report").touch()
    command = [sys.executable, "-m", "pytest", GATE, *options]
    ended = run(command, cwd=tmp_path, stdout=PIPE, encoding="utf-8", check=False)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert sentence in ended.stdout
    assert "Traceback" not in ended.stdout


def test_slow_and_browser_tests_run_where_named_whatever_else_is_said(tmp_path):
    for folder in ("tests", "pipeline", "experiments"):
        shutil.copytree(GATE.parent / folder, tmp_path / folder)
    (tmp_path / "copy").mkdir()  # of the repository, as people make them
    for folder in (tmp_path, tmp_path / "copy"):
        for path in (*GATE.parent.glob("*.py"), GATE.with_name("pytest.ini")):
            shutil.copy(path, folder)

    def collect(*options):
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *options]
        return run(command, cwd=tmp_path, stdout=PIPE, text=True, check=True).stdout

    assert "test_faults" not in collect("-m", "not inference")
    assert "test_faults" in collect("-m", "slow and not inference")
    assert not (tmp_path / "report").exists()
