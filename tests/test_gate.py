"""Limits, verdicts and reports: one mark for one verdict, and a report in every case."""

import json
import re
import sys
from pathlib import Path
from subprocess import PIPE, run

import pytest
from samples import CLASSES, NAME, NAN, random_set, save_network

import test_model
from model import SimpleCNN
from pipeline import data, evaluation, gate, limits, report

N = 10 * len(CLASSES)  # test images here
GATE = Path(test_model.__file__)


def test_check_passes_by_its_relation_and_never_for_nan():
    for relation, passing in {"≥": [7, 8], "≤": [6, 7], "<": [6], "=": [7]}.items():
        limit = limits.Limit("accuracy", relation, 7)
        for value in (6, 7, 8, NAN):
            (check,) = gate.judge([limit], {"accuracy": value})
            assert check.passed is (value in passing)


def test_each_figure_is_judged_by_one_of_the_five_tests():
    judged = []
    for name, test in vars(test_model).items():
        if name.startswith("test_"):
            test(lambda *figures: judged.extend(figures))
    assert sorted(judged) == sorted(evaluation.METRICS)
    required = {limit.figure for limit in test_model.requirements(3)}
    assert {n for n, f in evaluation.METRICS.items() if not f.relations} <= required


def test_chance_of_a_difference_is_that_of_fair_coins():
    for gained, lost, p in [(12, 9, 0.664), (9, 12, 0.664), (0, 0, 1), (10, 0, 0.002)]:
        assert report.sign_test(gained, lost) == pytest.approx(p, abs=0.0005)


@pytest.fixture
def report_of_newest(tmp_path, monkeypatch):
    """Function that gives the report's summary of the newest checkpoint in a folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluation, "latencies", lambda *_: (1.0, 1.0))
    monkeypatch.setattr(limits, "FILE", tmp_path / "limits.json")
    dataset = data.Dataset("noise", CLASSES, lambda *_, train: random_set(N))
    runs = 2 * [dict.fromkeys(evaluation.METRICS, 0.0)]
    rows = limits.measure_limits(runs, random_set(N)[1])
    for name in (NAME, "other"):
        monkeypatch.setitem(data.DATASETS, name, dataset)
        mark = limits.fingerprint(name, *random_set(N))
        limits.write_limits(name, mark, {"seed": 0, "epochs": 1}, rows)

    def report_of_newest():
        report.clear_report()
        report.write_report(*gate.judge_newest(SimpleCNN, test_model.requirements))
        return report.SUMMARY.read_text("utf-8")

    return report_of_newest


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (f'"{NAME}"', '"emnist"', f"sweep --dataset {NAME} --write"),
        ('"≤"', '"<"', "differ in blur_difference, cross_entropy, dimming"),
        (r'"≥": [\d.-]+', '"≥": NaN', "has no sound limits"),
        ('"test_set": "', '"test_set": "0', "is of another test set"),
        (r"(?s)\A.*\Z", "<<<<<<< HEAD", "limits.json is damaged: mend it"),
        ('"accuracy"', '"rain"', "differ in accuracy, rain"),
    ],
)
def test_limits_that_do_not_fit_are_refused(old, new, reason, report_of_newest):
    text = limits.FILE.read_text("utf-8")
    limits.FILE.write_text(re.sub(old, new, text), "utf-8")
    save_network()
    assert reason in report_of_newest()


def test_other_recipe_than_that_of_the_limits_is_told(report_of_newest):
    save_network(epochs=1)
    assert "trained otherwise" not in report_of_newest()
    save_network(epochs="3\n\n## PASSED\x1b" + 9999 * "x")  # no other line, no code
    headline = report_of_newest().splitlines()[0]
    assert "otherwise than for the limits: epochs = 3??## PASSED?xxx" in headline
    assert len(headline) < 400


def test_checkpoint_without_figures_leaves_none_of_another_one(report_of_newest):
    save_network()
    report_of_newest()
    assert report.MISTAKES.exists()
    save_network(classes=CLASSES[::-1])
    assert "has learned other classes than noise has" in report_of_newest()
    assert not report.MISTAKES.exists()


def test_report_lists_faults_and_compares_with_the_predecessor(report_of_newest):
    stranger, older = save_network(dataset="other"), save_network()
    assert f"{stranger.name} has learned another data set" in report_of_newest()
    network = SimpleCNN(len(CLASSES))
    network.linear4.weight.data *= 1e30  # for an infinite cross-entropy
    newest = save_network(network=network)
    summary = report_of_newest()
    metrics = json.loads(report.METRICS.read_text("utf-8"), parse_constant=pytest.fail)
    now, before = metrics["checkpoint"]["figures"], metrics["predecessor"]["figures"]
    assert (metrics["verdict"], now["cross_entropy"]) == ("failed", None)
    assert summary.startswith("## FAILED: ")
    assert "- ✗ Test Accuracy: " in summary
    assert f"Against {older.name}: " in summary
    gained, lost = map(int, re.findall(r"(\d+) (?:images )?newly", summary))
    assert gained - lost == round((now["accuracy"] - before["accuracy"]) * N / 100)
    shown = f"{now['accuracy']:.2f}% | ≥ 95.00% | {before['accuracy']:.2f}%"
    assert f"| Test Accuracy | {shown} | ✗ |" in summary
    newest.write_bytes(b"")
    save_network()
    assert f"No comparison: {newest.resolve()} is damaged" in report_of_newest()


def run_pytest(folder, *options):
    command = [sys.executable, "-m", "pytest", *options]
    ended = run(command, cwd=folder, stdout=PIPE, encoding="utf-8", check=False)
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("-pno:terminal", "report must be a folder with room to write"),
        ("-n2", "the gate measures in one process: run it without -n"),
    ],
)
def test_gate_that_cannot_judge_is_red(option, sentence, tmp_path):
    if option == "-n2":
        pytest.importorskip("xdist")
    (tmp_path / "report").touch()
    code, _ = run_pytest(tmp_path, GATE, "--junitxml=junit.xml", option)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert sentence in (tmp_path / "junit.xml").read_text("utf-8")


def test_slow_tests_are_run_where_named_alone_whatever_else_is_said():
    collect = "--collect-only", "-q", "tests/test_faults.py", GATE
    _, collected = run_pytest(GATE.parent, *collect, "-m", "not inference")
    assert "test_robustness" in collected
    assert "test_faults" not in collected
