"""The gate against planted faults, by both of its commands."""

import copy
import os
import shutil
import subprocess
import sys
import zipfile
from functools import cache, partial
from pathlib import Path

import pytest
import torch
from test_checkpoint import Hostile, archive, torch_bytes

import checkpoint
import data
import train
from evaluation import accuracy, predict
from model import SimpleCNN
from test_model import PERFORMANCE

ROOT = Path(train.__file__).parent
LEAST_ACCURACY = PERFORMANCE[1].strokes  # percent

pytestmark = pytest.mark.slow


@cache
def stroke_digits():
    """Training set and test set."""
    return data.load_dataset("strokes")[1:]


def measured_accuracy(network):
    images, labels = stroke_digits()[1]
    return accuracy(predict(network, images), labels)


@pytest.fixture(scope="module")
def trained():
    return train.train(*stroke_digits()[0], train.Recipe())


@pytest.fixture(scope="module")
def metadata(trained):
    return {"dataset": "strokes", "test_accuracy": measured_accuracy(trained)}


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
    rewrite(path, network, test_accuracy=measured_accuracy(network))


def edit(path, name, old, new):
    """Change the code of the gate beside the checkpoint."""
    code = path.with_name(name).read_text(encoding="utf-8")
    assert old in code
    path.with_name(name).write_text(code.replace(old, new), encoding="utf-8")


def swapped_classes(network, path):
    for parameter in network[-1].parameters():
        parameter.data[[4, 9]] = parameter.data[[9, 4]]
    rewrite(path, network)


def noise_in_the_weights(network, path):
    torch.manual_seed(0)
    while measured_accuracy(network) >= LEAST_ACCURACY:
        for weights in network.parameters():
            weights.data += 0.05 * weights.std() * torch.randn_like(weights)
    rewrite_and_claim(path, network)


def one_digit_neglected(network, path):
    images, labels = stroke_digits()[1]
    sevens = images[labels == 7]
    while accuracy(predict(network, sevens), labels[labels == 7]) > 92:
        network[-1].bias.data[7] -= 0.05
    rewrite_and_claim(path, network)


def no_augmentation(network, path):
    recipe = train.Recipe(degrees=0, translate=0, scale=0, perspective=0, noisy=0)
    plain = train.train(*stroke_digits()[0], recipe)
    rewrite_and_claim(path, plain)


def logits_times(factor, network, path):
    for parameter in network[-1].parameters():
        parameter.data *= factor
    rewrite(path, network)


def one_nan_weight(network, path):
    network[9].weight.data[0, 0] = float("nan")
    rewrite(path, network)


def wider_network(network, path):
    network[9] = torch.nn.Linear(128, 64, bias=False)
    rewrite(path, network)


def wider_code(network, path):
    edit(path, "test_model.py", "6_986, 6_986", "6_985, 6_985")


def ten_times_slower(network, path):
    slow = "return [super(SimpleCNN, self).forward(images) for _ in range(10)][0]"
    method = f"    def forward(self, images):\n        {slow}\n\n    def __init__"
    edit(path, "model.py", "    def __init__", method)


def hostile_pickle(network, path):
    rewrite(path, network, note=Hostile(os.mkdir, str(path.with_name("struck"))))


def padded_buffers(network, path):
    rewrite(path, network.state_dict() | {"padding": torch.zeros(1000)})


BOMB = archive(zipfile.ZIP_DEFLATED, 2**26, 2**26)
FUTURE = "model_20991231_235959.pth"
FAULTS = {  # what is planted, by name, and what the gate must say
    "untrained": (lambda n, p: rewrite(p, SimpleCNN()), "Test Accuracy: "),
    "swapped classes": (swapped_classes, "Test Accuracy: "),
    "noise in the weights": (noise_in_the_weights, "Test Accuracy: "),
    "one digit neglected": (one_digit_neglected, "Recall of the Worst Digit: "),
    "no augmentation": (no_augmentation, "Accuracy, Random Warps: "),
    "one NaN weight": (one_nan_weight, "other numbers than finite floats in 9.weight"),
    "wider network": (wider_network, "another architecture: size mismatch for 9"),
    "wider code": (wider_code, "Parameter Budget: "),
    "padded buffers": (padded_buffers, "another architecture: Unexpected key"),
    "folder": (lambda n, p: p.unlink() or p.mkdir(), "is not a file"),
    "pipe": (lambda n, p: p.unlink() or os.mkfifo(p), "is not a file"),
    "hostile pickle": (hostile_pickle, "holds more than tensors"),
    "ten times slower": (ten_times_slower, "Latency at Batch Size "),
    "truncated": (lambda n, p: p.write_bytes(p.read_bytes()[:-100]), "is damaged"),
    "empty": (lambda n, p: p.write_bytes(b""), "is damaged or not a checkpoint"),
    "missing": (lambda n, p: p.unlink(), "run `python train.py`"),
    "inflating archive": (lambda n, p: p.write_bytes(BOMB), "would inflate"),
    "of the future": (lambda n, p: shutil.copy(p, p.with_name(FUTURE)), "the future"),
}
for says, factors in {
    "Test Cross-Entropy: ": (0.01, 1000),
    "Confidence on Mistakes: ": (0.5, 2, 4, 8),
}.items():
    for factor in factors:
        FAULTS[f"logits × {factor}"] = (partial(logits_times, factor), says)
for name, says, record in [
    ("memory bomb", "holds more than tensors", {"note": Hostile(bytearray, 2**34)}),
    ("padded file", "Checkpoint File: ", {"padding": "x" * 40_000}),
    ("oversized file", "is larger than", {"padding": "x" * 10**6}),
    ("unknown data set", "does not say what it was trained", {"dataset": "emnist"}),
    ("false claim", "Error of the Record: ", {"test_accuracy": 99.9}),
    ("NaN in the record", "a finite number as seconds", {"seconds": float("nan")}),
]:
    FAULTS[name] = (lambda n, p, more=record: rewrite(p, n, **more), says)


def run_gate(folder):
    """Exit codes and outputs of both ways to run the gate in `folder`, at once."""
    runs = [
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ | {"PYTHONUTF8": "1"},
        )
        for arguments in (["test_model.py"], ["-m", "pytest"])
    ]
    return [(run.communicate()[0], run.returncode) for run in runs]


def test_good_model_passes_the_gate(release):
    for output, code in run_gate(release.parent):
        assert code == 0, output
        assert "✗" not in output


@pytest.mark.parametrize("name", FAULTS)
def test_gate_catches(name, trained, release):
    plant, says = FAULTS[name]
    plant(copy.deepcopy(trained), release)
    for output, code in run_gate(release.parent):
        assert code == 1
        assert says in output.partition("= FAILURES =")[2], output
    assert not release.with_name("struck").exists()
    assert "FAILED" in Path(release.parent, "report/summary.md").read_text("utf-8")
