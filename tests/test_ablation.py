"""Test that the ablation, the benchmark and augmentation_viz.py run, on a few images."""

import pytest
import torch
from samples import DATASET, own_results, random_set
from torchvision.datasets import FakeData

import augmentation_viz
from experiments import ablation, benchmark


@pytest.fixture
def few_images(monkeypatch):
    """Let the experiments use a few random images instead of MNIST."""
    few = lambda train=True: random_set(300)
    unchanged = lambda name, training_set, recipe: (training_set, recipe)
    for experiment in (ablation, benchmark):
        monkeypatch.setattr(experiment, "add_synthetic_images", unchanged)
        monkeypatch.setattr(experiment, "load_mnist", few)


@own_results
def test_ablation_prints_a_row_for_each_change(call, few_images, monkeypatch, capsys):
    def run_here(function, jobs, description, at_once):
        return [(name, function(*arguments)) for name, arguments in jobs.items()]

    digits = [("apb", 7, torch.rand(1, 1, 28, 28)), ("apb", 1, None)]
    monkeypatch.setattr(ablation, "VALIDATION_IMAGES", 100)
    monkeypatch.setattr(ablation, "in_parallel", run_here)
    monkeypatch.setattr(ablation, "read_unipen", lambda folder: digits)
    call(ablation, "--seeds=2", "--unipen=folder")
    _, _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split(" | ")[0] for row in rows] == [f"| {c}" for c in ablation.CHANGES]
    assert all(row.count("%") == 6 for row in rows)


@own_results
def test_both_kinds_of_pipeline_train_in_the_benchmark(few_images, monkeypatch):
    fake = lambda folder, download, transform: FakeData(130, (1, 28, 28), 10, transform)
    monkeypatch.setattr(benchmark, "MNIST", fake)
    for name in ("PIL images", benchmark.OURS):
        seconds, percent = benchmark.time_epoch(name, 0)
        assert seconds > 0
        assert 0 <= percent <= 100


def test_pictures_of_augmentation_are_saved(call, tmp_path, monkeypatch, capsys):
    few = random_set(300)
    monkeypatch.setattr(augmentation_viz, "FOLDER", tmp_path)
    monkeypatch.setattr(augmentation_viz, "load_dataset", lambda: (DATASET, few, few))
    call(augmentation_viz)
    first, second = sorted(tmp_path.iterdir())
    assert (first.stem, second.stem) == ("augmentation_samples", "synthetic_samples")
    assert capsys.readouterr().out == f"Saved {first}\nSaved {second}\n"
