"""Training: it learns, repeats itself exactly, and fails in one sentence."""

import runpy
import sys
from dataclasses import asdict, replace
from unittest.mock import Mock

import pytest
import torch
from samples import CLASSES, NAME, random_set

import train
from model import SimpleCNN
from pipeline import batches, checkpoint, data, strokes
from pipeline.cli import UserError
from pipeline.evaluation import accuracy, classify

FEW = train.Recipe(epochs=1, batch_size=16)
LOSSES = [2.389, 2.222, 2.178, 2.034, 2.038, 1.858, 1.901, 1.748, 1.642, 1.605]
LOSSES += [1.454, 1.407, 1.351, 1.341, 1.276, 1.146, 1.112, 1.187, 1.113, 1.115]


def test_training_learns_a_handful_of_images_by_heart(monkeypatch):
    monkeypatch.setattr(batches, "augment", lambda pixels, *_: pixels)
    images, labels = random_set(20)
    network = train.train(images, labels, train.Recipe(epochs=60, batch_size=10))
    assert accuracy(classify(network, images), labels) == 100


def test_weights_depend_on_the_recipe_alone():
    recipes = FEW, FEW, replace(FEW, seed=1)
    networks = [train.train(*random_set(300), recipe) for recipe in recipes]
    first, again, other = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_first_losses_of_a_seed_are_these(monkeypatch):
    """Pixels changed by 1e-6 move them by up to 0.007, one draw too many by 0.08."""
    losses, cross_entropy = [], train.F.cross_entropy

    def record(*arguments, **options):
        losses.append(cross_entropy(*arguments, **options))
        return losses[-1]

    monkeypatch.setattr(train.F, "cross_entropy", record)
    torch.set_num_threads(1)
    train.train(*strokes.draw_digits(2560, 1), train.Recipe(epochs=1))
    first = torch.stack(losses)[: len(LOSSES)]
    assert first.tolist() == pytest.approx(LOSSES, abs=0.02)


@pytest.mark.parametrize(("n", "freeze"), [(5, 1.0), (17, 1.0), (64, 0.5), (64, 0.0)])
def test_any_number_of_images_is_learned_until_the_first_convolution_rests(n, freeze):
    torch.manual_seed(FEW.seed)
    start = SimpleCNN().conv1.weight
    learned = train.train(*random_set(n), replace(FEW, freeze=freeze)).conv1.weight
    assert learned.isfinite().all()
    assert torch.equal(learned, start) is (freeze == 0)


def test_learning_rate_rises_to_its_peak_and_falls_to_almost_nothing():
    recipe = train.Recipe()
    rates = [train.one_cycle(recipe, step, 100) for step in range(1, 101)]
    peak = recipe.learning_rate
    rise = [peak * step / 20 for step in range(1, 21)]
    fall = [peak * left / 81 for left in range(80, 0, -1)]
    assert rates == pytest.approx(rise + fall)
    for steps in range(1, 30):
        rates = [train.one_cycle(recipe, step, steps) for step in range(1, steps + 1)]
        assert 0 < min(rates) <= max(rates) <= peak


@pytest.fixture
def few_images(monkeypatch):
    sets = random_set(100), random_set(100)
    monkeypatch.setattr(train, "load_dataset", lambda *_: (NAME, *sets))


def test_options_override_the_recipe_which_is_saved_whole(
    call, few_images, tmp_path, monkeypatch
):
    monkeypatch.setattr(train, "accuracy", lambda *_: 99.0)
    folder = tmp_path / "new" / "folder"
    options = "--batch-size=16", "--epochs=2", "--lr=0.01", "--seed=7"
    call(train, f"--output-dir={folder}", *options)
    (path,) = checkpoint.find_checkpoints(folder)
    recipe = replace(FEW, epochs=2, learning_rate=0.01, seed=7)
    metadata = checkpoint.load_checkpoint(path, SimpleCNN).metadata
    assert metadata.items() >= asdict(recipe).items()
    assert metadata["classes"] == CLASSES
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("rate", ["1e-6", "1e9"])  # too timid, and exploding
def test_training_that_learns_nothing_saves_nothing(rate, call, few_images, tmp_path):
    with pytest.raises(UserError, match="learned nothing: choose another --lr"):
        call(train, f"--output-dir={tmp_path}", f"--lr={rate}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "option",
    ["--batch-size=1", "--batch-size=10001", "--epochs=1.5", "--lr=nan", "--seed=-1"],
)
def test_senseless_option_is_a_usage_error(option, call, monkeypatch, capsys):
    monkeypatch.delattr(train, "load_dataset")  # not to be reached
    with pytest.raises(SystemExit, match="2"):
        call(train, option)
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert option.partition("=")[0] in sentence
    assert "parse" not in sentence  # no name of a function


def test_script_ends_without_traceback_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", f"--output-dir={tmp_path}"])
    monkeypatch.setattr(data, "load_both", Mock(side_effect=UserError("no data")))
    with pytest.raises(SystemExit, match="Error: no data"):
        runpy.run_path(train.__file__, run_name="__main__")
    assert not list(tmp_path.iterdir())
