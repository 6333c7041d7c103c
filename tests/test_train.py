"""Training repeats itself exactly, and takes every setting as an option."""

from argparse import ArgumentTypeError
from contextlib import suppress
from dataclasses import fields, replace

import pytest
import torch
from samples import CLASSES, DATASET, ROOT, own_results, random_set, run
from torch import nn

import train
from model import SimpleCNN
from pipeline import checkpoint, data, synthetic
from pipeline.synthetic import IMAGE_SIDE

FEW = train.Recipe(epochs=1, batch_size=16)
LOSSES = [2.358, 2.187, 2.127, 1.985, 1.829, 1.730, 1.581, 1.518, 1.447, 1.404]
LOSSES += [1.288, 1.160, 1.106, 1.082, 1.030, 1.043, 0.995, 0.991, 0.947, 0.945]


def two_layers():
    """Return a network whose first layer is inside another nn.Sequential."""
    return nn.Sequential(
        nn.Sequential(nn.Flatten(), nn.Linear(IMAGE_SIDE**2, 4)),
        nn.Linear(4, len(CLASSES)),
    )


def one_layer():
    return nn.Sequential(nn.Flatten(), nn.Linear(IMAGE_SIDE**2, len(CLASSES)))


def test_same_recipe_gives_exactly_the_same_weights():
    first, again = (train.train(*random_set(300), FEW, two_layers) for _ in range(2))
    assert not first.training
    assert all(map(torch.equal, first.parameters(), again.parameters()))


@own_results
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
    advice = f"if you changed the network or the recipe, set LOSSES to {found}"
    assert found == pytest.approx(LOSSES, abs=0.03), advice


@pytest.mark.parametrize(
    ("network", "freeze_after", "unchanged"),
    [
        (two_layers, 0.0, [True, True, False, False]),
        (two_layers, 1.0, [False] * 4),
        (one_layer, 0.0, [False] * 2),
    ],
)
def test_only_the_first_of_several_layers_is_frozen(network, freeze_after, unchanged):
    torch.manual_seed(FEW.seed)
    before = network().parameters()
    recipe = replace(FEW, freeze_after=freeze_after)
    after = train.train(*random_set(5), recipe, network).parameters()
    assert list(map(torch.equal, before, after)) == unchanged


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


@pytest.mark.parametrize("item", fields(train.Recipe), ids=lambda item: item.name)
def test_extreme_values_of_an_option_end_without_a_traceback(item, call, few_images):
    for text in ("nan", "inf", "-1"):
        with pytest.raises(SystemExit, match="2"):
            call(train, f"--{item.name.replace('_', '-')}={text}")
    whole = isinstance(item.default, int)  # a million epochs would take too long
    for text in ["0"] if whole else ["0", "0.999", "1", "180", "1000000"]:
        with suppress(ArgumentTypeError):  # the option does not accept this value
            value = item.metadata["type"](text)
            train.train(*random_set(64), replace(FEW, **{item.name: value}), two_layers)


def test_training_needs_neither_pillow_nor_scipy():
    code = "import train, sys; sys.exit(bool({'PIL', 'scipy'} & set(sys.modules)))"
    run(ROOT, "-c", code)
