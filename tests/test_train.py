"""Training learns, repeats itself exactly, and takes every setting as an option."""

import subprocess
import sys
from argparse import ArgumentTypeError
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from samples import CLASSES, DATASET, own_figures, random_set
from torch import nn

import train
from model import SimpleCNN
from pipeline import batches, checkpoint, data, synthetic
from pipeline.evaluation import accuracy, predict_probabilities
from pipeline.synthetic import IMAGE_SIDE

FEW = train.Recipe(epochs=1, batch_size=16)
LOSSES = [2.358, 2.187, 2.127, 1.985, 1.829, 1.730, 1.581, 1.518, 1.447, 1.404]
LOSSES += [1.288, 1.160, 1.106, 1.082, 1.030, 1.043, 0.995, 0.991, 0.947, 0.945]


def test_training_can_memorize_a_few_images(monkeypatch):
    monkeypatch.setattr(batches, "augment", lambda images, *_: images)
    images, labels = random_set(2 * len(CLASSES))
    recipe = train.Recipe(epochs=80, batch_size=len(CLASSES))
    model = train.train(images, labels, recipe, lambda: SimpleCNN(len(CLASSES)))
    assert not model.training
    assert accuracy(predict_probabilities(model, images), labels) == 100


def test_weights_depend_only_on_the_recipe():
    recipes = FEW, FEW, replace(FEW, seed=1)
    networks = [train.train(*random_set(300), recipe, small) for recipe in recipes]
    first, again, other = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@own_figures
def test_first_losses_of_a_seed_are_these(monkeypatch):
    """If you changed the network or the recipe, copy the printed losses into LOSSES.

    Pixels that differ by 1e-6 change the losses by up to 0.016.
    """
    losses, cross_entropy = [], train.F.cross_entropy

    def record(*arguments, **options):
        losses.append(cross_entropy(*arguments, **options))
        return losses[-1]

    monkeypatch.setattr(train.F, "cross_entropy", record)
    torch.set_num_threads(1)
    recipe = train.Recipe(epochs=2, batch_size=256, seed=1)
    train.train(*synthetic.generate_digits(2600, 1), recipe)  # 40 more than 10 batches
    found = [round(loss.item(), 3) for loss in losses]
    advice = "if the network or the recipe was changed on purpose, set LOSSES to these"
    assert found == pytest.approx(LOSSES, abs=0.03), advice


def small():
    """A network whose first layer with parameters is in another module."""
    return nn.Sequential(
        nn.Sequential(nn.Flatten(), nn.Linear(IMAGE_SIDE**2, 4)),
        nn.Linear(4, len(CLASSES)),
    )


def single():
    return nn.Sequential(nn.Flatten(), nn.Linear(IMAGE_SIDE**2, len(CLASSES)))


@pytest.mark.parametrize(
    ("network", "n", "freeze_after", "frozen"),
    [(small, 64, 0.0, True), (small, 5, 1.0, False), (single, 64, 0.0, False)],
)
def test_only_the_first_of_several_layers_is_frozen(network, n, freeze_after, frozen):
    torch.manual_seed(FEW.seed)
    before = network().parameters()
    recipe = replace(FEW, freeze_after=freeze_after)
    after = list(train.train(*random_set(n), recipe, network).parameters())
    assert all(parameter.isfinite().all() for parameter in after)
    weight, bias, *others = map(torch.equal, before, after)
    assert (weight, bias, any(others)) == (frozen, frozen, False)


@pytest.fixture
def few_images(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    sets = random_set(100), random_set(100)
    monkeypatch.setattr(train, "load_dataset", lambda *_: (DATASET, *sets))


def test_each_option_sets_its_field_and_the_recipe_is_saved(call, few_images, capsys):
    values = dict.fromkeys((item.name for item in fields(train.Recipe)), 0.25)
    values |= {"epochs": 2, "batch_size": 16, "seed": 7, "synthetic_images": 60}
    options = [f"--{n.replace('_', '-')}={value}" for n, value in values.items()]
    torch.set_num_threads(2)
    call(train, *options)
    saved = checkpoint.load_checkpoint(SimpleCNN).metadata
    if data.DATASETS[DATASET].generate is None:
        values["synthetic_images"] = 0
    assert saved["recipe"] == values
    assert saved["training_images"] == 100 + values["synthetic_images"]
    assert f"Training images: {saved['training_images']}," in capsys.readouterr().out
    assert torch.get_num_threads() == 1


def test_no_synthetic_images_are_added_to_synthetic_digits():
    (images, _), recipe = train.add_synthetic_images("synthetic", random_set(9), FEW)
    assert (len(images), recipe.synthetic_images) == (9, 0)


@pytest.mark.parametrize("item", fields(train.Recipe), ids=lambda item: item.name)
def test_extreme_values_of_an_option_end_without_a_traceback(item, call, few_images):
    for text in ("nan", "inf", "-1"):
        with pytest.raises(SystemExit, match="2"):
            call(train, f"--{item.name.replace('_', '-')}={text}")
    whole = isinstance(item.default, int)  # a million epochs would take too long
    for text in ["0"] if whole else ["0", "0.999", "1", "180", "1000000"]:
        with suppress(ArgumentTypeError):  # the option does not accept this value
            value = item.metadata["type"](text)
            train.train(*random_set(64), replace(FEW, **{item.name: value}), small)


def test_training_needs_neither_pillow_nor_scipy():
    code = "import train, sys; sys.exit(bool({'PIL', 'scipy'} & set(sys.modules)))"
    folder = Path(train.__file__).parent
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
