"""The gate against planted faults, by both of its commands."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_checkpoint import Hostile, inflating, torch_bytes

import checkpoint
import data
import train
from evaluation import accuracy, predict
from gate import examine_model
from model import SimpleCNN
from test_model import PERFORMANCE

ROOT = Path(train.__file__).parent
LAST = 12  # place of the last layer in SimpleCNN
LEAST_ACCURACY = PERFORMANCE[1].strokes  # percent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained():
    return train.train(*data.load_dataset("strokes")[1], train.Recipe())


@pytest.fixture(scope="module")
def metadata(trained):
    measured = examine_model(trained, "strokes").figures["accuracy"]
    return {"dataset": "strokes", "test_accuracy": measured}


@pytest.fixture
def release(trained, metadata, tmp_path):
    """Copy of the gate beside a good checkpoint, whose path this is."""
    for source in (*ROOT.glob("*.py"), ROOT / "pytest.ini"):
        shutil.copy(source, tmp_path)
    return checkpoint.save_checkpoint(trained, metadata, tmp_path)


def rewrite(path, network, **more):
    """Replace the checkpoint at `path`; its record stays true but for `more`."""
    state = network if isinstance(network, dict) else network.state_dict()
    record = torch.load(path, weights_only=True)["metadata"] | more
    path.write_bytes(torch_bytes({"metadata": record, "state_dict": state}))


def rewrite_and_claim(path, network):
    """The same with the accuracy that the network really has."""
    measured = examine_model(network, "strokes").figures["accuracy"]
    rewrite(path, network, test_accuracy=measured)


def edit(path, old, new):
    code = path.read_text(encoding="utf-8")
    assert old in code
    path.write_text(code.replace(old, new), encoding="utf-8")


def untrained(network, path):
    rewrite(path, SimpleCNN())


def swapped_classes(network, path):
    for parameter in network[LAST].parameters():
        parameter.data[[4, 9]] = parameter.data[[9, 4]]
    rewrite(path, network)


def noise_in_the_weights(network, path):
    images, labels = data.load_test_set("strokes")
    pixels = data.to_pixels(images)
    torch.manual_seed(0)
    while accuracy(predict(network, pixels), labels) >= LEAST_ACCURACY:
        for weights in network.parameters():
            weights.data += 0.02 * weights.std() * torch.randn_like(weights)
    rewrite_and_claim(path, network)


def one_digit_neglected(network, path):
    images, labels = data.load_test_set("strokes")
    sevens = data.to_pixels(images[labels == 7])
    while accuracy(predict(network, sevens), labels[labels == 7]) > 92:
        network[LAST].bias.data[7] -= 0.05
    rewrite_and_claim(path, network)


def no_augmentation(network, path):
    recipe = train.Recipe(degrees=0, translate=0, scale=0, perspective=0, noisy=0)
    plain = train.train(*data.load_dataset("strokes")[1], recipe)
    rewrite_and_claim(path, plain)


def scaled_logits(factor):
    def plant(network, path):
        for parameter in network[LAST].parameters():
            parameter.data *= factor
        rewrite(path, network)

    plant.__name__ = f"logits_times_{factor}"
    return plant


def one_nan_weight(network, path):
    network[9].weight.data[0, 0] = float("nan")
    rewrite(path, network)


def wider_network(network, path):
    network[9] = torch.nn.Linear(128, 64, bias=False)
    rewrite(path, network)


def wider_code(network, path):
    edit(path.with_name("test_model.py"), "6_986, 6_986", "6_985, 6_985")


def truncated(network, path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(network, path):
    path.write_bytes(b"")


def missing(network, path):
    path.unlink()


def folder(network, path):
    path.unlink()
    path.mkdir()


def pipe(network, path):
    path.unlink()
    os.mkfifo(path)


def hostile_pickle(network, path):
    rewrite(path, network, note=Hostile(os.mkdir, str(path.with_name("struck"))))


def memory_bomb(network, path):
    rewrite(path, network, note=Hostile(bytearray, 2**34))


def inflating_archive(network, path):
    path.write_bytes(inflating(path.read_bytes(), 64 * 2**20))


def padded_buffers(network, path):
    rewrite(path, network.state_dict() | {"padding": torch.zeros(1000)})


def padded_file(network, path):
    rewrite(path, network, padding="x" * 40_000)


def oversized_file(network, path):
    rewrite(path, network, padding="x" * 10**6)


def ten_times_slower(network, path):
    edit(
        path.with_name("model.py"),
        "class SimpleCNN(nn.Sequential):",
        "class SimpleCNN(nn.Sequential):\n"
        "    def forward(self, images):\n"
        "        return [super(SimpleCNN, self).forward(images) for _ in range(10)][0]\n",
    )


def unknown_data_set(network, path):
    rewrite(path, network, dataset="emnist")


def false_claim(network, path):
    rewrite(path, network, test_accuracy=99.9)


def nan_in_the_record(network, path):
    rewrite(path, network, training_seconds=float("nan"))


def name_of_the_future(network, path):
    shutil.copy(path, path.with_name("model_20991231_235959.pth"))


FAULTS = {  # what the gate must say
    untrained: "Test Accuracy: ",
    swapped_classes: "Test Accuracy: ",
    noise_in_the_weights: "Test Accuracy: ",
    one_digit_neglected: "Recall of the Worst Digit: ",
    no_augmentation: "Accuracy, Random Warps: ",
    scaled_logits(0.01): "Test Cross-Entropy: ",
    scaled_logits(0.5): "Confidence on Mistakes: ",
    scaled_logits(2): "Confidence on Mistakes: ",
    scaled_logits(4): "Confidence on Mistakes: ",
    scaled_logits(8): "Confidence on Mistakes: ",
    scaled_logits(1000): "Test Cross-Entropy: ",
    one_nan_weight: "NaN or infinite weights in 9.weight",
    wider_network: "another architecture: size mismatch for 9.weight",
    wider_code: "Parameter Budget: ",
    truncated: "is truncated",
    empty: "is empty",
    missing: "run `python train.py`",
    folder: "is not a file",
    pipe: "is not a file",
    hostile_pickle: "holds more than tensors",
    memory_bomb: "holds more than tensors",
    inflating_archive: "would inflate",
    padded_buffers: 'another architecture: Unexpected key(s) in state_dict: "padding"',
    padded_file: "Checkpoint File: ",
    oversized_file: "is larger than",
    ten_times_slower: "Latency at Batch Size ",
    unknown_data_set: "does not say what it was trained on",
    false_claim: "Error of the Record: ",
    nan_in_the_record: "holds nan as training_seconds",
    name_of_the_future: "has a time in the future",
}


def run_gate(folder):
    """Exit codes and outputs of both ways to run the gate in `folder`, at once."""
    commands = ([sys.executable, "test_model.py"], [sys.executable, "-m", "pytest"])
    environment = os.environ | {"PYTHONUTF8": "1"}
    runs = [
        subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=environment,
        )
        for command in commands
    ]
    return [(run.communicate()[0], run.returncode) for run in runs]


def test_good_model_passes_the_gate(release):
    for output, code in run_gate(release.parent):
        assert code == 0, output
        assert "✗" not in output


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_gate_catches(plant, trained, release):
    plant(copy.deepcopy(trained), release)
    for output, code in run_gate(release.parent):
        assert code == 1
        assert FAULTS[plant] in output.partition("= FAILURES =")[2], output
    assert not release.with_name("struck").exists()
    assert "FAILED" in Path(release.parent, "report/summary.md").read_text("utf-8")
