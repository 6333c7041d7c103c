"""Verdicts and reports: one mark for one verdict, and a report in every case."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import checkpoint
import data
import evaluation
import gate
import report
import strokes
import test_model
from errors import UserError
from model import SimpleCNN

NAN = float("nan")


@pytest.mark.parametrize(
    ("relation", "required", "passing", "failing"),
    [
        ("≥", 95.0, [95.0, 96.0], [94.99, NAN]),
        ("≤", 1.0, [1.0, 0.5], [1.01, NAN]),
        ("<", 7, [6], [7, 8, NAN]),
        ("=", 7, [7], [6, 8, NAN]),
    ],
)
def test_mark_is_the_verdict(relation, required, passing, failing):
    limit = gate.Limit("thing", "Thing", "{}", relation, required, None)
    for measured in passing + failing:
        examined = gate.Examined(dataset="mnist", figures={"thing": measured})
        (check,) = gate.judge([limit], examined)
        assert check.passed is (measured in passing)
        assert str(check)[0] == ("✓" if check.passed else "✗")


def test_limits_bind_their_own_data_set_and_known_figures_alone():
    limit = gate.Limit("thing", "Thing", "{}", "≥", None, 5)
    mnist, digits = (
        gate.Examined(dataset=name, figures={"thing": 7}) for name in data.DATASETS
    )
    assert not gate.judge([limit], mnist)
    assert [check.required for check in gate.judge([limit], digits)] == ["≥ 5"]
    with pytest.raises(KeyError, match="thign"):
        gate.judge([limit._replace(figure="thign")], digits)


def test_every_change_has_its_limits():
    judged = {limit.figure for limit in test_model.ROBUSTNESS}
    for name in evaluation.CHANGES:
        assert {f"{name}_accuracy", f"{name}_difference"} <= judged


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(12, 9, 0.66), (9, 12, 0.66), (0, 0, 1.0), (5, 5, 1.0), (10, 0, 2 / 1024)],
)
def test_sign_test(gained, lost, p):
    assert report.sign_test(gained, lost) == pytest.approx(p, abs=0.005)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Working folder in which the gate finds 100 stroke digits to test on."""
    digits = strokes.draw_digits(100, 0)
    monkeypatch.setattr(gate, "load_test_set", lambda *_: digits)
    monkeypatch.setattr(evaluation, "latencies", lambda *_: (1.0, 1.0))
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


def test_report_of_a_bad_model_lists_its_faults(folder):
    save(factor=1e30)  # whose cross-entropy is infinite
    metrics, summary = write_report()
    assert "## FAILED: model_" in summary
    assert "- ✗ Test Accuracy: " in summary
    assert metrics["checkpoint"]["figures"]["cross_entropy"] is None
    assert Path("report/mistakes.png").exists()


def test_report_without_a_checkpoint_says_so(folder):
    _, summary = write_report()
    assert "no checkpoint in" in summary
    assert "|" not in summary  # no table


def test_report_of_an_unreadable_checkpoint_shows_no_stale_figures(folder):
    save()
    write_report()
    save().write_bytes(b"")
    report.remove_report()
    assert not list(Path("report").iterdir())
    assert "is damaged" in write_report()[1]
    assert not Path("report/mistakes.png").exists()


def test_summary_compares_with_the_predecessor(folder):
    older = save(seed=1)
    save()
    metrics, summary = write_report()
    assert f"Against {older.name}: " in summary
    assert "digits newly right" in summary
    digest = hashlib.sha256(older.read_bytes()).hexdigest()
    assert metrics["predecessor"]["sha256"] == digest
    accuracies = [
        metrics[which]["figures"]["accuracy"] for which in ("checkpoint", "predecessor")
    ]
    row = "| Test Accuracy | {:.2f}% | ≥ 96.50% | {:.2f}% | ✗ |"
    assert row.format(*accuracies) in summary


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b""), "is damaged"),
        (lambda path: path.unlink() or path.mkdir(), "is not a file"),
        (lambda path: path.unlink() or save(dataset="mnist"), "learned other digits"),
    ],
)
def test_nothing_hangs_on_the_predecessor(folder, damage, reason):
    damage(save(seed=1))
    save()
    _, summary = write_report()
    (sentence,) = (line for line in summary.splitlines() if "No comparison" in line)
    assert reason in sentence


def test_data_error_fails_the_gate_in_a_sentence(folder, monkeypatch):
    def fail(*_):
        raise UserError("t10k\udcff is damaged")  # a name that is not UTF-8

    monkeypatch.setattr(gate, "load_test_set", fail)
    save()
    assert "t10k\\udcff is damaged" in write_report()[1]


def test_gate_refuses_to_share_its_machine(folder, monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert "without -n" in gate.examine_newest()[0].error


def test_report_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "report").touch()
    root = Path(test_model.__file__).parent
    command = [sys.executable, "-m", "pytest", "-c", root / "pytest.ini", root]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.communicate()[1].startswith("ERROR: report/ must be a folder")
    assert process.returncode == pytest.ExitCode.USAGE_ERROR
