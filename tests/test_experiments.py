"""The experiments, each on a few images, and what a sweep says and writes."""

import json

import pytest
from samples import CLASSES, NAME, random_set
from torchvision.datasets import FakeData

import augmentation_viz
from experiments import ablation, benchmark, sweep
from pipeline import data, limits
from pipeline.cli import UserError
from pipeline.evaluation import METRICS


def good_figures(seed):
    """Figures that meet every requirement, a little different from seed to seed."""
    figures = dict.fromkeys(METRICS, 0.01 + 0.001 * (seed % 3))
    figures |= {f"output_{n}": f"{n} × {len(CLASSES)}" for n in (1, 32, 64)}
    figures |= {"accuracy": 98 + 0.1 * (seed % 3), "images": 300, "parameters": 7}
    figures |= {"mistake_confidence": 40 + 6 * (seed % 3), "cross_entropy": 0.0006}
    return figures | {"synthetic_accuracy": None, "training_seconds": 1.0}


GOOD = [good_figures(seed) for seed in range(6)]
ONE_BAD = [*GOOD[1:], GOOD[0] | {"accuracy": 70.0}]
SURER = [run | {"mistake_confidence": run["mistake_confidence"] + 1} for run in GOOD]


@pytest.fixture
def run_sweep(call, tmp_path, monkeypatch, capsys):
    """Function that runs a sweep whose seeds measure what is given: what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(limits, "FILE", tmp_path / "limits.json")
    monkeypatch.setattr(sweep, "load_sets", lambda name: 2 * [random_set(300)])

    def run_sweep(*options, runs=GOOD):
        measure = lambda _, jobs, *__: zip(jobs, runs, strict=True)
        monkeypatch.setattr(sweep, "in_parallel", measure)
        with pytest.raises((SystemExit, UserError)) as ended:
            call(sweep, "--seeds=6", *options)
        return capsys.readouterr().out, str(ended.value)

    return run_sweep


def test_sweep_sets_limits_and_says_which_it_loosens(run_sweep):
    limits.FILE.write_text("<<<<<<< HEAD", "utf-8")  # of a merge
    assert "limits.json is damaged: mend it" in run_sweep("--write")[1]
    limits.FILE.unlink()
    output, _ = run_sweep()
    assert f"limits.json has no sound limits for {NAME}" in output
    assert "| Test Accuracy | 98.10% | 0.09% | 98.00% | ≥ 95.00% | 34.7 σ |" in output
    output, code = run_sweep("--write")
    assert (code, "no sound limits" in output) == ("False", False)
    rows = json.loads(limits.FILE.read_text("utf-8"))[NAME]["figures"]
    bounds = {figure: row["limits"] for figure, row in rows.items()}
    assert bounds["accuracy"] == {"≥": 96.43}  # 5 images of 300 from the mean
    five_images = 500 * len(CLASSES) / 300  # of a class
    assert bounds["worst_recall"] == {"≥": pytest.approx(-five_images, abs=0.02)}
    assert bounds["mistake_confidence"] == {"≥": 19.1, "≤": 72.9}  # 5 deviations
    assert bounds["cross_entropy"] == {"≤": 0.002}  # 5 tenths of a digit
    assert bounds["images"] == {"=": 300}
    assert "synthetic_accuracy" not in bounds  # which is not at hand
    output, _ = run_sweep("--write", runs=SURER)
    assert "| ≤ 73.9%, loosened from 72.9% |" in output
    assert "| ≥ 20.1%, tightened from 19.1% |" in output
    assert "| ≥ 96.43% |" in output


def test_sweep_with_a_seed_that_fails_is_red_and_writes_nothing(run_sweep):
    output, code = run_sweep(runs=ONE_BAD)
    assert code == "True"
    assert "| 93.43% | 11.48% | 70.00% | ≥ 95.00% | -0.1 σ |" in output
    assert "- Test Accuracy (≥ 95.00%): 1 seeds fail" in output
    assert "5 of 6 seeds pass the gate." in output
    _, sentence = run_sweep("--write", runs=ONE_BAD)
    assert "limits.json stays as it is" in sentence
    assert not limits.FILE.exists()


def test_each_step_of_the_ablation_trains(monkeypatch):
    monkeypatch.setattr(ablation, "load_sets", lambda name: [random_set(300)])
    monkeypatch.setattr(ablation, "HELD_OUT", 100)
    monkeypatch.setattr(ablation, "load_pens", lambda folder: random_set(100))
    monkeypatch.setattr(
        ablation, "add_synthetic_images", lambda _, digits, recipe: digits
    )
    for step in ablation.STEPS:
        assert len(ablation.validate(step, 0, "pens")) == 5


def test_each_pipeline_of_the_benchmark_trains(monkeypatch):
    def fake(folder, download, transform):
        return FakeData(130, (1, 28, 28), transform=transform)

    monkeypatch.setattr(benchmark, "load_mnist", lambda train=True: random_set(300))
    monkeypatch.setattr(benchmark, "MNIST", fake)
    for name in (benchmark.OURS, "PIL images", "tensors, bilinear"):
        seconds, accuracy = benchmark.time_epoch(name, 0)
        assert seconds > 0
        assert 0 <= accuracy <= 100


def test_pictures_of_augmentation_are_drawn(tmp_path, monkeypatch):
    few = random_set(300)
    dataset = data.Dataset("noise", CLASSES, lambda train: few)
    monkeypatch.setitem(data.DATASETS, NAME, dataset)
    monkeypatch.setattr(augmentation_viz, "IMAGES", tmp_path)
    monkeypatch.setattr(augmentation_viz, "load_dataset", lambda: (NAME, few, few))
    augmentation_viz.main()
    names = ["augmentation_samples.png", "synthetic_samples.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
