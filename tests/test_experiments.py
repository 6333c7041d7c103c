"""The experiments, each on a few images, and what a sweep says and writes."""

import json
import sys

import pytest
import torch
from torchvision.datasets import FakeData

import augmentation_viz
from experiments import ablation, benchmark, sweep
from pipeline import data, limits
from pipeline.cli import UserError
from pipeline.limits import FIGURES, Limit

NAME = data.DEFAULT
CLASSES = data.DATASETS[NAME].classes


def few_images(n=300):
    torch.manual_seed(0)
    return torch.rand(n, 1, 28, 28), torch.arange(n) % len(CLASSES)


def good_figures(seed):
    """Figures that meet every requirement, a little different from seed to seed."""
    n = len(CLASSES)
    figures = dict.fromkeys(FIGURES, 0.01 + 0.001 * (seed % 3))
    figures |= {f"output_{batch}": f"{batch} × {n}" for batch in (1, 32, 64)}
    figures |= {"accuracy": 98 + 0.1 * (seed % 3), "images": 300, "parameters": 7}
    return figures | {"training_seconds": 1.0}


@pytest.fixture
def run_sweep(tmp_path, monkeypatch, capsys):
    """Function that runs a sweep whose seeds measure what is given, and what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(limits, "FILE", tmp_path / "limits.json")
    monkeypatch.setattr(sweep, "load_sets", lambda name: (few_images(), few_images()))

    def run_sweep(*options, measure=good_figures):
        def serial(_, jobs, *__):
            for job in jobs:
                yield job, measure(job[1].seed)

        monkeypatch.setattr(sweep, "in_parallel", serial)
        monkeypatch.setattr(sys, "argv", ["sweep", "--seeds=6", *options])
        with pytest.raises((SystemExit, UserError)) as ended:
            sweep.main()
        return capsys.readouterr().out, ended.value

    return run_sweep


def test_sweep_sets_limits_and_says_which_it_loosens(run_sweep):
    output, _ = run_sweep()
    assert f"limits.json has no limits for {NAME}" in output
    assert "| Test Accuracy | 98.10% | 0.09% | 98.00% | ≥ 95.00% | 34.7 σ |" in output
    output, ended = run_sweep("--write")
    assert ended.code == 0
    row = json.loads(limits.FILE.read_text("utf-8"))[NAME]["figures"]["accuracy"]
    assert row == {
        "n": 6,
        "mean": 98.1,
        "deviation": 0.0894,
        "worst": 98.0,
        "limits": {"≥": 96.43},  # one image of 300 is more than the deviation
    }
    output, _ = run_sweep("--write", measure=lambda s: good_figures(s % 2))
    assert "| Test Accuracy ≥ | 96.43% | 96.38% | loosened |" in output
    assert "| Change, Noise ≤ | 0.016 | 0.014 |  |" in output


def test_sweep_with_a_seed_that_fails_is_red_and_writes_nothing(run_sweep):
    def one_bad(seed):
        return good_figures(seed) | ({"accuracy": 94.0} if seed == 2 else {})

    run_sweep("--write")
    before = limits.FILE.read_text("utf-8")
    output, ended = run_sweep(measure=one_bad)
    assert ended.code == 1
    assert "- Test Accuracy (≥ 95.00%): 1 seeds fail" in output
    assert "5 of 6 seeds pass the gate." in output
    output, ended = run_sweep("--write", measure=one_bad)
    assert "limits.json stays as it is" in str(ended)
    assert limits.FILE.read_text("utf-8") == before
    assert len(json.loads(sweep.FILE.read_text("utf-8"))) == 6


def test_limit_on_the_wrong_side_of_good_models_has_a_negative_distance():
    runs = [good_figures(seed) for seed in range(6)]
    table = sweep.summarize(runs, [Limit("accuracy", "≥", 99.0)])
    assert "| ≥ 99.00% | -10.1 σ |" in table


def test_each_step_of_the_ablation_trains(monkeypatch):
    monkeypatch.setattr(ablation, "load_sets", lambda name: (few_images(), None))
    monkeypatch.setattr(ablation, "HELD_OUT", 100)
    monkeypatch.setattr(ablation, "load_pens", lambda folder: few_images())
    for step in ablation.STEPS:
        accuracies = ablation.validate(step, 0, "pens")
        assert len(accuracies) == 5
        assert all(0 <= accuracy <= 100 for accuracy in accuracies)


def test_each_pipeline_of_the_benchmark_trains(monkeypatch, capsys):
    def fake(folder, transform):
        return FakeData(130, (1, 28, 28), transform=transform)

    monkeypatch.setattr(benchmark, "load_mnist", lambda train=True: few_images())
    monkeypatch.setattr(benchmark, "MNIST", fake)
    monkeypatch.setattr(benchmark, "STEPS", 3)
    for name in (benchmark.OURS, "PIL images", "tensors, bilinear"):
        seconds, accuracy = benchmark.time_epoch(name, 0)
        assert seconds > 0
        assert 0 <= accuracy <= 100
    benchmark.measure_convolutions()
    share = int(capsys.readouterr().out.partition("%")[0].split()[-1])
    assert 0 < share < 100


def test_pictures_of_augmentation_are_drawn(tmp_path, monkeypatch):
    dataset = data.Dataset("noise", CLASSES, lambda train: few_images())
    monkeypatch.setitem(data.DATASETS, NAME, dataset)
    monkeypatch.setattr(augmentation_viz, "IMAGES", tmp_path)
    monkeypatch.setattr(
        augmentation_viz, "load_dataset", lambda: (NAME, few_images(), few_images())
    )
    augmentation_viz.main()
    names = {"augmentation_samples.png", "stroke_samples.png"}
    assert {path.name for path in tmp_path.iterdir()} == names
