"""Training: it learns, repeats itself exactly, and fails in one sentence."""

import runpy
import sys
from dataclasses import asdict, replace

import pytest
import torch

import checkpoint
import data
import train
from evaluation import accuracy, predict
from model import SimpleCNN

FEW = train.Recipe(batch_size=16)


def random_digits(n):
    images = torch.randint(256, (n, 1, 28, 28), generator=seeded(), dtype=torch.uint8)
    return images, torch.arange(n) % 10


def seeded():
    return torch.Generator().manual_seed(0)


def test_training_learns_a_handful_of_images_by_heart(monkeypatch):
    monkeypatch.setattr(train, "augment", lambda pixels, *_: pixels)
    images, labels = random_digits(20)
    network = train.train(images, labels, train.Recipe(epochs=60, batch_size=10))
    probabilities = predict(network, data.to_pixels(images))
    assert accuracy(probabilities, labels) == 100


def test_weights_depend_on_the_recipe_alone():
    digits = random_digits(300)
    recipes = FEW, FEW, replace(FEW, seed=1)
    first, again, other = (train.train(*digits, r).state_dict() for r in recipes)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["12.weight"], other["12.weight"])


def test_weights_do_not_depend_on_the_number_of_threads():
    digits = random_digits(300)
    weights = []
    for threads in (1, 4):
        torch.set_num_threads(threads)
        weights.append(train.train(*digits, FEW).state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize("n", [5, 16, 17, 33])
def test_no_batch_is_of_a_single_image(n):
    images, labels = random_digits(n)
    chunks = train.augmented_chunks(images, labels, FEW)
    sizes = [len(y) for _, y in train.prefetched_batches(chunks, FEW.batch_size)]
    assert sizes == ([16] * (n // 16) or [n])
    train.train(images, labels, FEW)


def test_warps_weaken_from_chunk_to_chunk(monkeypatch):
    strengths = []

    def augment(pixels, recipe, strength, generator):
        strengths.append(strength)
        return pixels

    monkeypatch.setattr(train, "augment", augment)
    monkeypatch.setattr(train, "CHUNK", 16)
    digits = random_digits(64)
    list(train.augmented_chunks(*digits, replace(FEW, epochs=2)))
    assert strengths == pytest.approx([1 - 0.5 * i / 8 for i in range(8)])


def test_error_in_the_second_thread_is_raised():
    def chunks():
        yield torch.zeros(2, 1), torch.zeros(2)
        raise MemoryError("in the thread")

    with pytest.raises(MemoryError, match="in the thread"):
        list(train.prefetched_batches(chunks(), 2))


def test_first_convolution_rests_after_its_share_of_the_steps():
    digits = random_digits(64)
    torch.manual_seed(FEW.seed)
    start = SimpleCNN()[1].weight
    still = train.train(*digits, replace(FEW, freeze=0.0))
    moved = train.train(*digits, replace(FEW, freeze=0.5))
    assert torch.equal(still[1].weight, start)
    assert not torch.equal(moved[1].weight, start)


def test_learning_rate_rises_to_its_peak_and_falls_to_almost_nothing():
    rates = [train.one_cycle(train.Recipe(), step, 100) for step in range(1, 101)]
    assert (
        max(rates) == rates[19] == pytest.approx(train.Recipe.learning_rate, rel=0.05)
    )
    assert rates[:20] == sorted(rates[:20])
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert 0 < rates[-1] < 0.02 * max(rates)


def test_diverging_training_is_stopped():
    with pytest.raises(train.DivergenceError, match="exploded"):
        train.train(*random_digits(300), replace(FEW, learning_rate=1e9))


def run_main(monkeypatch, folder, *options):
    digits = random_digits(100)
    monkeypatch.setattr(train, "load_dataset", lambda *_: ("mnist", digits, digits))
    arguments = ["train.py", f"--output-dir={folder}", *options]
    monkeypatch.setattr(sys, "argv", arguments)
    train.main()


def test_options_override_the_recipe_which_is_saved_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "accuracy", lambda *_: 99.0)
    run_main(monkeypatch, tmp_path, "--batch-size=16", "--epochs=2", "--lr=0.01")
    (path,) = checkpoint.find_checkpoints(tmp_path)
    saved = checkpoint.load_checkpoint(path).metadata
    recipe = replace(FEW, epochs=2, learning_rate=0.01)
    assert saved.items() >= asdict(recipe).items()


def test_training_that_learns_nothing_saves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "accuracy", lambda *_: 11.35)
    with pytest.raises(train.DivergenceError, match="learned nothing"):
        run_main(monkeypatch, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "option",
    [
        "--epochs=0",
        "--epochs=1.5",
        "--epochs=1000000",
        "--batch-size=1",
        "--batch-size=1000000000",
        "--lr=0",
        "--lr=nan",
        "--lr=inf",
        "--seed=-1",
        "--output-dir=no/such/folder",
        f"--output-dir={__file__}",
    ],
)
def test_senseless_options_are_usage_errors(option, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", option])
    with pytest.raises(SystemExit) as stopped:
        train.parse_arguments()
    assert stopped.value.code == 2
    assert option.split("=")[0] in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (data.DataError("no data"), "Error: no data")],
)
def test_script_ends_without_traceback_and_leaves_nothing(
    error, code, tmp_path, monkeypatch
):
    def fail(_):
        raise error

    monkeypatch.setattr(data, "load_mnist", fail)
    monkeypatch.setattr(sys, "argv", ["train.py", f"--output-dir={tmp_path}"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(train.__file__, run_name="__main__")
    assert stopped.value.code == code
    assert not list(tmp_path.iterdir())
