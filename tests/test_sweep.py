"""A sweep judges seeds by limits.json, and writes limits from what they reach."""

import json

import pytest
from samples import CLASSES, DATASET, random_set

from experiments import sweep
from pipeline import gate
from pipeline.cli import UserError
from pipeline.metrics import METRICS

N = 30 * len(CLASSES)  # test images


def good_metrics(seed):
    """Return metrics that are a little different from seed to seed."""
    metrics = dict.fromkeys(METRICS, 0.01 + 0.001 * (seed % 3))
    metrics |= {"accuracy": 98 + 0.1 * (seed % 3), "cross_entropy": 0.0006}
    metrics |= {"mistake_confidence": 40 + 6 * (seed % 3), "training_seconds": 1.0}
    return metrics


GOOD = [good_metrics(seed) for seed in range(6)]


@pytest.fixture
def run_sweep(call, tmp_path, monkeypatch, capsys):
    """Return a function that runs a sweep with given metrics; returns its output and exit code."""
    monkeypatch.chdir(tmp_path)
    for module in (sweep, gate):
        monkeypatch.setattr(module, "LIMITS_FILE", tmp_path / "limits.json")
    sets = random_set(N), random_set(N)
    monkeypatch.setattr(sweep, "load_dataset", lambda name: (DATASET, *sets))

    def run_sweep(*options, runs=GOOD):
        answer = lambda _, jobs, *__: zip(jobs, runs, strict=True)
        monkeypatch.setattr(sweep, "in_parallel", answer)
        code = call(sweep, "--seeds=6", *options)
        return capsys.readouterr().out, code

    return run_sweep


def test_sweep_writes_limits_five_deviations_from_the_mean(run_sweep):
    output, code = run_sweep("--write")
    rows = json.loads(sweep.LIMITS_FILE.read_text("utf-8"))[DATASET]
    assert code == 0
    assert rows.keys() == gate.metrics_with_limits(DATASET).keys()
    accuracy, recall = rows["accuracy"]["at_least"], rows["worst_recall"]["at_least"]
    assert accuracy == pytest.approx(98.1 - 500 / N, abs=0.01)  # percent: 5 images
    assert recall == pytest.approx(0 - 500 / 30, abs=0.02)  # 5 images of a class
    mistakes = rows["mistake_confidence"]
    assert (mistakes["at_least"], mistakes["at_most"]) == (19.1, 72.9)
    assert rows["cross_entropy"]["at_most"] == 0.002  # 5 tenths of the last digit
    assert "| Test Accuracy | 98.10% | 0.09% | 98.00% | ≥ 9" in output
    assert "6 of 6 within the limits." in output


def test_sweep_with_a_bad_seed_is_red_and_keeps_what_it_measured(run_sweep):
    run_sweep("--write")
    before = sweep.LIMITS_FILE.read_text("utf-8")
    output, code = run_sweep(runs=[*GOOD[1:], GOOD[0] | {"accuracy": 70.0}])
    assert code == 1
    assert "- Test Accuracy: 1 failed" in output
    assert "5 of 6 within the limits." in output
    assert len(json.loads(sweep.SWEEP_FILE.read_text("utf-8"))) == 6
    assert sweep.LIMITS_FILE.read_text("utf-8") == before


def test_sweep_refuses_bad_limits_before_it_trains(run_sweep):
    with pytest.raises(UserError, match="has too few or too many limits"):
        run_sweep(runs=None)
    sweep.LIMITS_FILE.write_text("<<<<<<< HEAD", "utf-8")
    with pytest.raises(UserError, match=r"limits\.json is damaged: repair it"):
        run_sweep("--write", runs=None)
