"""Training: it learns, repeats itself exactly, and fails in one sentence."""

import runpy
import sys
from dataclasses import asdict, replace
from unittest.mock import Mock

import pytest
import torch

import train
from model import SimpleCNN
from pipeline import batches, checkpoint, data, strokes
from pipeline.cli import UserError
from pipeline.evaluation import accuracy, classify

FEW = train.Recipe(batch_size=16)
LOSSES = [2.3758, 2.2634, 2.2024, 2.151, 2.0349, 1.9184, 1.8392, 1.7676, 1.6378, 1.5561]
LOSSES += [
    1.5118,
    1.4804,
    1.3994,
    1.2821,
    1.252,
    1.2094,
    1.2334,
    1.1797,
    1.2554,
    1.1473,
]


def random_digits(n):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n, 1, 28, 28, generator=generator), torch.arange(n) % 10


def test_training_learns_a_handful_of_images_by_heart(monkeypatch):
    monkeypatch.setattr(batches, "augment", lambda pixels, *_: pixels)
    images, labels = random_digits(20)
    network = train.train(images, labels, train.Recipe(epochs=60, batch_size=10))
    assert accuracy(classify(network, images), labels) == 100


def test_weights_depend_on_the_recipe_alone():
    digits, weights = random_digits(300), []
    for recipe in [FEW, FEW, replace(FEW, seed=1)]:
        weights.append(train.train(*digits, recipe).state_dict())
    first, again, other = weights
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
    train.train(*strokes.draw_digits(2560, 1), train.Recipe())
    assert torch.stack(losses).tolist() == pytest.approx(LOSSES, abs=0.02)


@pytest.mark.parametrize(
    ("n", "freeze"), [(5, 1.0), (16, 1.0), (17, 1.0), (33, 1.0), (64, 0.5), (64, 0.0)]
)
def test_any_number_of_images_is_learned_until_the_first_convolution_rests(n, freeze):
    torch.manual_seed(FEW.seed)
    start = SimpleCNN().conv1.weight
    learned = train.train(*random_digits(n), replace(FEW, freeze=freeze)).conv1.weight
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


def run_main(monkeypatch, folder, *options):
    digits = random_digits(100)
    monkeypatch.setattr(
        train, "load_dataset", lambda *_: (data.DEFAULT, digits, digits)
    )
    arguments = ["train.py", f"--output-dir={folder}", *options]
    monkeypatch.setattr(sys, "argv", arguments)
    train.main()


def test_options_override_the_recipe_which_is_saved_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "accuracy", lambda *_: 99.0)
    folder = tmp_path / "new" / "folder"
    options = "--batch-size=16", "--epochs=2", "--lr=0.01", "--seed=7"
    run_main(monkeypatch, folder, *options)
    (path,) = checkpoint.find_checkpoints(folder)
    recipe = replace(FEW, epochs=2, learning_rate=0.01, seed=7)
    metadata = checkpoint.load_checkpoint(path, SimpleCNN).metadata
    assert metadata.items() >= asdict(recipe).items()
    assert metadata["classes"] == data.DATASETS[data.DEFAULT].classes
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("rate", ["1e-6", "1e9"])  # too timid, and exploding
def test_training_that_learns_nothing_saves_nothing(rate, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="learned nothing: choose another --lr"):
        run_main(monkeypatch, tmp_path, f"--lr={rate}")
    assert not list(tmp_path.iterdir())


def test_senseless_options_are_usage_errors(monkeypatch, capsys):
    monkeypatch.delattr(train, "load_dataset")  # not to be reached
    options = "--batch-size=1 --batch-size=1000000000 --epochs=0 --epochs=1.5"
    options += " --epochs=1000000 --lr=0 --lr=nan --lr=inf --seed=-1"
    for option in options.split():
        monkeypatch.setattr(sys, "argv", ["train.py", option])
        with pytest.raises(SystemExit, match="2"):
            train.main()
        sentence = capsys.readouterr().err.splitlines()[-1]
        assert option.split("=")[0] in sentence
        assert "parse" not in sentence


def test_script_ends_without_traceback_and_leaves_nothing(tmp_path, monkeypatch):
    arguments = ["train.py", f"--output-dir={tmp_path}"]
    monkeypatch.setattr(sys, "argv", arguments)
    for error, code in [
        (KeyboardInterrupt(), 130),
        (UserError("no data"), "Error: no data"),
        (OSError("no room"), "Error: no room"),
    ]:
        monkeypatch.setattr(data, "load_both", Mock(side_effect=error))
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(train.__file__, run_name="__main__")
        assert stopped.value.code == code
    assert not list(tmp_path.iterdir())
