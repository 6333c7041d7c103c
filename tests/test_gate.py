"""Verdicts and reports: one mark for one verdict, and a report in every case."""

import json
import sys
from pathlib import Path

import pytest
import torch

import checkpoint
import data
import gate
import report
import strokes
import test_model
from model import SimpleCNN

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("measured", "relation", "required", "passed"),
    [
        (95.0, "≥", 95.0, True),
        (94.99, "≥", 95.0, False),
        (NAN, "≥", 95.0, False),
        (1.0, "≤", 1.0, True),
        (1.01, "≤", 1.0, False),
        (NAN, "≤", 1.0, False),
        (7, "=", 7, True),
        (8, "=", 7, False),
        (7, "<", 7, False),
        (6, "<", 7, True),
    ],
)
def test_mark_is_the_verdict(measured, relation, required, passed):
    limit = gate.Limit("thing", "Thing", "{}", relation, required, None)
    examined = gate.Examined(dataset="mnist", figures={"thing": measured})
    (check,) = gate.judge([limit], examined)
    assert check.passed is passed
    assert str(check)[0] == ("✓" if passed else "✗")


def test_limits_bind_their_own_data_set_alone():
    limit = gate.Limit("thing", "Thing", "{}", "≥", None, 5)
    mnist, digits = (
        gate.judge([limit], gate.Examined(dataset=name, figures={"thing": 7}))
        for name in ("mnist", "strokes")
    )
    assert not mnist
    assert [check.required for check in digits] == ["≥ 5"]


def test_limit_of_an_unknown_figure_is_an_error():
    limit = gate.Limit("thign", "Thing", "{}", "≥", 5, 5)
    with pytest.raises(KeyError, match="thign"):
        gate.judge([limit], gate.Examined(dataset="mnist", figures={"thing": 7}))


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
    monkeypatch.setattr(gate, "has_mnist", lambda *_: False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(seed=0, **metadata):
    torch.manual_seed(seed)
    record = {"dataset": "strokes", "test_accuracy": 10.0} | metadata
    return checkpoint.save_checkpoint(SimpleCNN(), record)


def write_report():
    candidate, predecessor = test_model.examine_newest()
    report.write_report(candidate, predecessor, test_model.LIMITS)
    metrics = json.loads(
        Path("report/metrics.json").read_text(), parse_constant=sys.exit
    )
    return metrics, Path("report/summary.md").read_text(encoding="utf-8")


def test_report_of_a_bad_model_lists_its_faults(folder):
    save()
    metrics, summary = write_report()
    assert metrics["verdict"] == "failed"
    assert "## FAILED: model_" in summary
    assert "- ✗ Test Accuracy: " in summary
    assert Path("report/mistakes.png").exists()


def test_report_without_a_checkpoint_says_so(folder):
    metrics, summary = write_report()
    assert metrics["verdict"] == "failed"
    assert "no checkpoint" in summary


def test_report_of_an_unreadable_checkpoint_shows_no_stale_figures(folder):
    save()
    write_report()
    save().write_bytes(b"")
    metrics, summary = write_report()
    assert metrics["verdict"] == "failed"
    assert "is empty" in summary
    assert not Path("report/mistakes.png").exists()


def test_infinite_figures_leave_the_report_readable(folder):
    path = save()
    model = checkpoint.load_checkpoint(path).model
    model[12].weight.data *= 1e30
    path.unlink()
    checkpoint.save_checkpoint(model, {"dataset": "strokes", "test_accuracy": 10.0})
    metrics, _ = write_report()
    assert metrics["checkpoint"]["figures"]["cross_entropy"] is None


def test_summary_compares_with_the_predecessor(folder):
    older = save(seed=1)
    save()
    _, summary = write_report()
    assert f"Against {older.name}: " in summary
    assert "digits newly right" in summary


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.unlink() or path.mkdir(), "is not a file"),
        (lambda path: path.unlink() or save(dataset="mnist"), "learned other digits"),
    ],
)
def test_nothing_hangs_on_the_predecessor(folder, damage, reason):
    damage(save(seed=1))
    save()
    _, summary = write_report()
    assert "No comparison: " in summary
    assert reason in summary


def test_gate_refuses_to_share_its_machine(folder, monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    with pytest.raises(pytest.fail.Exception, match="without -n"):
        test_model.examine_newest()


def test_data_error_fails_the_gate_in_a_sentence(folder, monkeypatch):
    def fail(*_):
        raise data.DataError("t10k is damaged")

    monkeypatch.setattr(gate, "load_test_set", fail)
    save()
    assert "t10k is damaged" in write_report()[1]
