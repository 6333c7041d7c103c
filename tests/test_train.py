"""Training: it learns, repeats itself exactly, and fails in one sentence."""

from dataclasses import asdict, replace

import pytest
import torch
from samples import CLASSES, NAME, random_set

import train
from model import SimpleCNN
from pipeline import batches, checkpoint, data, synthetic
from pipeline.cli import UserError
from pipeline.evaluation import accuracy, predict_probabilities

FEW = train.Recipe(epochs=1, batch_size=16)
LOSSES = [2.358, 2.187, 2.127, 1.985, 1.829, 1.730, 1.581, 1.518, 1.447, 1.404]
LOSSES += [1.288, 1.160, 1.106, 1.082, 1.030, 1.043, 0.995, 0.991, 0.947, 0.945]


def test_training_learns_a_handful_of_images_by_heart(monkeypatch):
    monkeypatch.setattr(batches, "augment", lambda pixels, *_: pixels)
    images, labels = random_set(20)
    network = train.train(images, labels, train.Recipe(epochs=60, batch_size=10))
    assert not network.training
    assert accuracy(predict_probabilities(network, images), labels) == 100


def test_weights_depend_on_the_recipe_alone():
    recipes = FEW, FEW, replace(FEW, seed=1)
    networks = [train.train(*random_set(300), recipe) for recipe in recipes]
    first, again, other = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_first_losses_of_a_seed_are_these(monkeypatch):
    """Pixels changed by 1e-6 move them by up to 0.016."""
    losses, cross_entropy = [], train.F.cross_entropy

    def record(*arguments, **options):
        losses.append(cross_entropy(*arguments, **options))
        return losses[-1]

    monkeypatch.setattr(train.F, "cross_entropy", record)
    torch.set_num_threads(1)
    recipe = train.Recipe(epochs=2, batch_size=256, seed=1)
    train.train(*synthetic.generate_digits(2600, 1), recipe)  # 40 more than 10 batches
    assert torch.stack(losses).tolist() == pytest.approx(LOSSES, abs=0.03)


@pytest.mark.parametrize(("n", "freeze"), [(5, 1.0), (17, 1.0), (64, 0.5), (64, 0.0)])
def test_any_number_of_images_is_learned_until_the_first_convolution_rests(n, freeze):
    torch.manual_seed(FEW.seed)
    start = SimpleCNN().conv1.weight
    learned = train.train(
        *random_set(n), replace(FEW, freeze_after=freeze)
    ).conv1.weight
    assert learned.isfinite().all()
    assert torch.equal(learned, start) is (freeze == 0)


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
    saved = checkpoint.load_checkpoint(SimpleCNN, path).metadata
    recipe = replace(FEW, epochs=2, learning_rate=0.01, seed=7)
    record = asdict(recipe) | {"dataset": NAME, "classes": CLASSES}
    assert saved == saved | record
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
    assert option.partition("=")[0] in capsys.readouterr().err.splitlines()[-1]


def test_labels_beyond_the_classes_are_refused(monkeypatch):
    one_class = data.Dataset("noise", ["a"], lambda *_, train: random_set(2))
    monkeypatch.setitem(data.DATASETS, "noise", one_class)
    with pytest.raises(UserError, match="noise has labels beyond its 1 classes"):
        data.load_dataset("noise")
