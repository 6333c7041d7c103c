"""Verdicts and reports: one mark for one verdict, and a report in every case."""

import hashlib
import json
import sys
from pathlib import Path
from subprocess import PIPE, run
from unittest.mock import Mock

import pytest
import torch

import test_model
from model import SimpleCNN
from pipeline import checkpoint, evaluation, gate, report, strokes
from pipeline.cli import UserError


def test_mark_is_the_verdict():
    passing = {"≥": [7, 8], "≤": [6, 7], "<": [6], "=": [7]}
    for relation, values in passing.items():
        limit = gate.Limit("thing", "Thing", "{}", relation, 7, None)
        for measured in (6, 7, 8, float("nan")):
            examined = gate.Examined(dataset="mnist", figures={"thing": measured})
            (check,) = gate.judge([limit], examined)
            assert check.passed is (measured in values)
            assert str(check)[0] == ("✓" if check.passed else "✗")


def test_limits_bind_their_own_data_set_and_known_figures_alone():
    limit = gate.Limit("thing", "Thing", "{}", "≥", None, 5)
    mnist = gate.Examined(dataset="mnist", figures={"thing": 7})
    digits = mnist._replace(dataset="strokes")
    assert not gate.judge([limit], mnist)
    assert gate.judge([limit], digits)[0].required == "≥ 5"
    with pytest.raises(KeyError, match="thign"):
        gate.judge([limit._replace(figure="thign")], digits)


def test_every_change_has_its_limits():
    judged = {limit.figure for limit in test_model.ROBUSTNESS}
    for name in evaluation.CHANGES:
        assert {f"{name}_accuracy", f"{name}_difference"} <= judged


def test_sign_test():
    cases = [(12, 9, 0.664), (9, 12, 0.664), (0, 0, 1), (5, 5, 1), (10, 0, 2 / 1024)]
    for gained, lost, p in cases:
        assert report.sign_test(gained, lost) == pytest.approx(p, abs=0.0005)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Working folder in which the gate finds 100 stroke digits to test on."""
    digits = strokes.draw_digits(100, 0)
    monkeypatch.setattr(gate, "load_test_set", lambda *_: digits)
    monkeypatch.setattr(evaluation, "latencies", lambda *_: (1.0, 1.0))
    monkeypatch.chdir(tmp_path)


def save(seed=0, factor=1.0, **metadata):
    torch.manual_seed(seed)
    model = SimpleCNN()
    model[-1].weight.data *= factor
    record = {"dataset": "strokes", "test_accuracy": 10.0} | metadata
    return checkpoint.save_checkpoint(model, record)


def write_report():
    candidate, predecessor = gate.examine_newest()
    report.write_report(candidate, predecessor, test_model.LIMITS)
    text = Path("report/metrics.json").read_text("utf-8")
    metrics = json.loads(text, parse_constant=sys.exit)
    assert metrics["verdict"] == "failed"
    return metrics, Path("report/summary.md").read_text("utf-8")


def test_report_without_figures_says_why(folder, monkeypatch):
    summary = write_report()[1]
    assert "no checkpoint in" in summary
    assert "|" not in summary  # no table

    save()
    write_report()
    report.remove_report()
    assert not list(Path("report").iterdir())

    error = UserError("t10k\udcff is damaged")  # a name that is not UTF-8
    monkeypatch.setattr(gate, "load_test_set", Mock(side_effect=error))
    assert "t10k\\udcff is damaged" in write_report()[1]
    save().write_bytes(b"")
    assert "is damaged or not a checkpoint" in write_report()[1]
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert "without -n" in write_report()[1]
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
    assert "digits newly right" in summary
    digest = hashlib.sha256(older.read_bytes()).hexdigest()
    assert metrics["predecessor"]["sha256"] == digest
    now = metrics["checkpoint"]["figures"]["accuracy"]
    before = metrics["predecessor"]["figures"]["accuracy"]
    row = f"| Test Accuracy | {now:.2f}% | ≥ 96.50% | {before:.2f}% | ✗ |"
    assert row in summary


def test_nothing_hangs_on_the_predecessor(folder):
    stranger = save(dataset="mnist")
    damaged = save()
    reason = f"No comparison: {stranger.name} has learned other digits"
    assert reason in write_report()[1]
    damaged.write_bytes(b"")
    save()
    summary = write_report()[1]
    assert f"No comparison: {damaged.resolve()} is damaged" in summary
    assert "| Test Accuracy | " in summary


def test_report_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "report").touch()
    root = Path(test_model.__file__).parent
    command = [sys.executable, "-m", "pytest", "-c", root / "pytest.ini", root]
    ended = run(command, cwd=tmp_path, stderr=PIPE, text=True, check=False)
    assert ended.stderr.startswith("ERROR: report/ must be a folder")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
