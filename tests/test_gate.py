"""Limits, verdicts and reports: one mark for one verdict, and a report in every case."""

import json
import sys
from pathlib import Path
from subprocess import PIPE, run
from unittest.mock import Mock

import pytest
from samples import CLASSES, NAME, NAN, random_set, save_network

import test_model
from model import SimpleCNN
from pipeline import data, evaluation, gate, limits, report
from pipeline.cli import UserError

N = 10 * len(CLASSES)  # test images here
GATE = Path(test_model.__file__)


def test_check_is_marked_as_passed_by_its_relation():
    for relation, values in {"≥": [7, 8], "≤": [6, 7], "<": [6], "=": [7]}.items():
        limit = limits.Limit("accuracy", relation, 7)
        for measured in (6, 7, 8, NAN):
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


def test_chance_of_a_difference_is_that_of_fair_coins():
    for gained, lost, p in [(12, 9, 0.664), (9, 12, 0.664), (0, 0, 1), (10, 0, 0.002)]:
        assert report.sign_test(gained, lost) == pytest.approx(p, abs=0.0005)


def test_limits_lie_five_deviations_from_the_mean_and_are_rounded_outwards():
    runs = [dict.fromkeys(limits.FIGURES, value) for value in (50.0, 52.0, 54.0)]
    for figures in runs:
        figures |= {"images": 1000, "cross_entropy": 0.0006, "grey_accuracy": 90.0}
        figures |= {"other_accuracy": None}
    rows = limits.measure_limits(runs, 1000)
    assert rows["accuracy"]["limits"] == {"≥": 42.0}
    assert rows["accuracy"]["worst"] == 50
    assert rows["mistake_confidence"]["limits"] == {"≥": 42.0, "≤": 62.0}
    assert rows["images"]["limits"] == {"=": 1000}
    assert rows["cross_entropy"]["limits"] == {"≤": 0.002}  # five tenths of a digit
    assert rows["grey_accuracy"]["limits"] == {"≥": 89.5}  # five images
    assert not {"other_accuracy", "slowdown_1"} & rows.keys()
    runs[0]["mistake_confidence"] = 0  # of a model without mistakes
    rows = limits.measure_limits(runs, 1000)
    assert rows["mistake_confidence"]["limits"] == {"≥": 0, "≤": 100}


@pytest.fixture
def report_of_newest(tmp_path, monkeypatch):
    """Function that has the newest checkpoint judged on a few random images, in a new
    working folder, and gives metrics.json and summary.md of the report, which is red."""
    dataset = data.Dataset("noise", CLASSES, lambda *_, train: random_set(N))
    for name in (NAME, "other"):
        monkeypatch.setitem(data.DATASETS, name, dataset)
    monkeypatch.setattr(evaluation, "latencies", lambda *_: (1.0, 1.0))
    monkeypatch.setattr(limits, "FILE", tmp_path / "limits.json")
    monkeypatch.chdir(tmp_path)
    path = save_network()
    figures = gate.examine(path, SimpleCNN).figures
    path.unlink()
    rows = limits.measure_limits([figures, figures], N)
    for name in (NAME, "other"):
        mark = limits.fingerprint(name, *random_set(N))
        limits.write_limits(name, mark, {"seed": 0, "epochs": 1}, rows)

    def report_of_newest():
        report.clear_report()
        verdict, predecessor = gate.judge_newest(SimpleCNN, test_model.requirements)
        report.write_report(verdict, predecessor)
        text = report.METRICS.read_text("utf-8")
        metrics = json.loads(text, parse_constant=sys.exit)
        assert metrics["verdict"] == "failed"
        return metrics, report.SUMMARY.read_text("utf-8")

    return report_of_newest


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda entry: entry.clear(), "has no sound limits"),
        (lambda entry: entry["figures"]["accuracy"].update(limits={}), "has no sound"),
        (
            lambda entry: entry["figures"]["accuracy"]["limits"].update({"≥": -1e999}),
            "has no sound",
        ),
        (lambda entry: entry.update(test_set="0"), "is of another test set"),
        (lambda entry: entry["figures"].pop("accuracy"), "differ in accuracy"),
        (lambda entry: entry["figures"].update(rain={"limits": {}}), "differ in rain"),
    ],
)
def test_limits_of_other_figures_or_test_sets_are_refused(
    report_of_newest, change, reason
):
    entries = json.loads(limits.FILE.read_text("utf-8"))
    change(entries[NAME])
    limits.FILE.write_text(json.dumps(entries), "utf-8")
    save_network()
    _, summary = report_of_newest()
    assert reason in summary
    assert f"--dataset {NAME} --write" in summary


def test_other_recipe_than_that_of_the_limits_is_told(report_of_newest):
    save_network(epochs=1)
    assert "trained otherwise" not in report_of_newest()[1]
    save_network(epochs=3)
    told = "trained otherwise than for the limits: epochs = 3 instead of 1"
    assert told in report_of_newest()[1]


def test_words_of_a_record_do_nothing_to_report_and_terminal(report_of_newest):
    save_network(epochs="1\n\n## PASSED\n\x1b[2J")
    summary = report_of_newest()[1]
    assert "\n## PASSED" not in summary
    assert "\x1b" not in summary


def test_report_without_figures_says_why(report_of_newest, monkeypatch):
    assert "no checkpoint in" in report_of_newest()[1]
    save_network()
    report_of_newest()
    assert report.MISTAKES.exists()
    save_network(classes=CLASSES[::-1])
    assert "has learned other classes than noise has" in report_of_newest()[1]
    assert not report.MISTAKES.exists()
    save_network()
    error = UserError("t10k\udcff is damaged")  # a name that is not UTF-8
    dataset = data.DATASETS[NAME]._replace(load=Mock(side_effect=error))
    monkeypatch.setitem(data.DATASETS, NAME, dataset)
    assert "t10k\\udcff is damaged" in report_of_newest()[1]


def test_report_lists_faults_and_compares_with_the_predecessor(report_of_newest):
    older, network = save_network(), SimpleCNN(len(CLASSES))
    network.linear4.weight.data *= 1e30  # for an infinite cross-entropy
    save_network(network=network)
    metrics, summary = report_of_newest()
    assert "## FAILED: model_" in summary
    assert "- ✗ Test Accuracy: " in summary
    assert metrics["checkpoint"]["figures"]["cross_entropy"] is None
    assert f"Against {older.name}: " in summary
    assert metrics["predecessor"]["file"] == older.name
    both = metrics["checkpoint"], metrics["predecessor"]
    now, before = (part["figures"]["accuracy"] for part in both)
    row = f"| Test Accuracy | {now:.2f}% | ≥ 95.00% | {before:.2f}% | ✗ |"
    assert row in summary


def test_predecessor_that_cannot_be_compared_changes_no_verdict(report_of_newest):
    stranger, damaged = save_network(dataset="other"), save_network()
    reason = f"No comparison: {stranger.name} has learned another data set"
    assert reason in report_of_newest()[1]
    damaged.write_bytes(b"")
    save_network()
    _, summary = report_of_newest()
    assert f"No comparison: {damaged.resolve()} is damaged" in summary
    assert "| Test Accuracy | " in summary


def run_pytest(folder, *options):
    command = [sys.executable, "-m", "pytest", *options]
    ended = run(command, cwd=folder, stdout=PIPE, encoding="utf-8", check=False)
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "report must be a folder with room to write"),
        (["-p", "no:terminal"], "report must be a folder with room to write"),
        (["-n2"], "the gate measures in one process: run it without -n"),
    ],
)
def test_gate_that_cannot_judge_is_red(options, sentence, tmp_path):
    if "-n2" in options:
        pytest.importorskip("xdist")
    (tmp_path / "report").touch()
    code, _ = run_pytest(tmp_path, GATE, "--junitxml=junit.xml", *options)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert sentence in (tmp_path / "junit.xml").read_text("utf-8")


def test_slow_and_browser_tests_run_where_named_whatever_else_is_said():
    collect = "--collect-only", "-q", "tests/test_faults.py", GATE, "-m"
    _, unnamed = run_pytest(GATE.parent, *collect, "not inference")
    assert "test_robustness" in unnamed
    assert "test_faults" not in unnamed
    _, named = run_pytest(GATE.parent, *collect, "slow and not inference")
    assert "test_faults" in named
