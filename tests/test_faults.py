"""The gate against a planted fault of each kind, by both of its commands."""

import os
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path
from subprocess import PIPE

import pytest
import torch
from samples import CLASSES, NAN
from test_checkpoint import STRIKE, Hostile, archive

import train
from experiments import ablation
from model import SimpleCNN
from pipeline import checkpoint, data

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Copy of the gate beside a good checkpoint, and beside the data where it is at hand."""
    folder, root = tmp_path_factory.mktemp("trained"), Path(train.__file__).parent
    for source in (*root.glob("*.py"), root / "pytest.ini"):
        shutil.copy(source, folder)
    shutil.copytree(root / "pipeline", folder / "pipeline")
    if (root / "data").exists():
        (folder / "data").symlink_to(root / "data")
    subprocess.run([sys.executable, "train.py"], cwd=folder, check=True, stdout=PIPE)
    return folder


@pytest.fixture
def release(trained, tmp_path, monkeypatch):
    """Path of the checkpoint in another copy, which is the working folder."""
    shutil.copytree(trained, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return checkpoint.find_checkpoints()[0]


def edit(_, script, old, new):
    code = Path(script).read_text("utf-8")
    assert old in code
    Path(script).write_text(code.replace(old, new), "utf-8")


def rewrite(part, path, change):
    """Add to the record or the weights of a checkpoint what `change` makes of them."""
    saved = torch.load(path, weights_only=True)
    saved[part] |= change(saved[part])
    torch.save(saved, path)


def add_noise(w):
    torch.manual_seed(0)
    names = [name for name in w if name.endswith("weight")]
    return {n: w[n] + 0.4 * w[n].std() * torch.randn_like(w[n]) for n in names}


def train_on_data_alone(_, **changes):
    """Weights of a training by another recipe, without built-in images."""
    torch.set_num_threads(1)
    digits, recipe = data.load_dataset()[1], train.Recipe(**changes)
    return train.train(*digits, recipe, new_network).state_dict()


def logits_times(factor):
    return lambda w: {LAST: factor * w[LAST], BIAS: factor * w[BIAS]}


new_network = partial(SimpleCNN, len(CLASSES))
weights, record = partial(rewrite, "state_dict"), partial(rewrite, "metadata")
LAST, BIAS = "linear4.weight", "linear4.bias"
ONE = torch.arange(len(CLASSES)) == len(CLASSES) - 3
RESERVE = Hostile([bytearray, 2**34])
BOMB = archive(zipfile.ZIP_DEFLATED, 2**26, 2**26)
LIMITS, LAYERS = "pipeline/limits.json", "super().__init__(layers"
IDLE = " | {f'idle{i}': nn.Dropout() for i in range(5000)}"
train_unchanged = partial(train_on_data_alone, **ablation.NO_WARPS, noise_share=0)
FAULTS = {  # what the gate must say, and what is called with the checkpoint's path and more
    "swapped classes": ("Accuracy: ", weights, lambda w: {LAST: w[LAST].roll(1, 0)}),
    "untrained": ("Test Accuracy: ", weights, lambda _: new_network().state_dict()),
    "neglected class": ("Worst Class", weights, lambda w: {BIAS: w[BIAS] - 2.5 * ONE}),
    "noise in the weights": ("Test Accuracy: ", weights, add_noise),
    "no augmentation": ("Accuracy, Warps: ", weights, train_unchanged),
    "own hands alone": ("Accuracy on Other Hands: ", weights, train_on_data_alone),
    "one NaN": ("finite floats", weights, lambda w: {BIAS: w[BIAS].where(~ONE, NAN)}),
    "wider network": ("linear3", weights, lambda _: {"linear3.weight": torch.ones(64)}),
    "padded buffers": (
        "pad is missing or new",
        weights,
        lambda _: {"pad": torch.ones(1000)},
    ),
    "logits × 0.01": ("Test Cross-Entropy: ", weights, logits_times(0.01)),
    "logits × 0.5": ("Confidence on Mistakes: ", weights, logits_times(0.5)),
    "logits × 2": ("Confidence on Mistakes: ", weights, logits_times(2)),
    "logits × 4": ("Confidence on Mistakes: ", weights, logits_times(4)),
    "logits × 8": ("Confidence on Mistakes: ", weights, logits_times(8)),
    "logits × 1000": ("Test Cross-Entropy: ", weights, logits_times(1000)),
    "hostile pickle": ("more than the tensors", record, lambda _: {"note": STRIKE}),
    "memory bomb": ("more than the tensors", record, lambda _: {"note": RESERVE}),
    "unknown data set": ("was trained on", record, lambda _: {"dataset": "emnist"}),
    "NaN in the record": ("finite number", record, lambda _: {"seconds": NAN}),
    "oversized file": ("is larger than", record, lambda _: {"note": "x" * 10**7}),
    "padded file": ("Checkpoint File: ", record, lambda _: {"note": "x" * 90_000}),
    "false claim": ("of the Record: ", record, lambda _: {"test_accuracy": 99.9}),
    "folder": ("is not a file", lambda path: path.unlink() or path.mkdir()),
    "pipe": ("is not a file", lambda path: path.unlink() or os.mkfifo(path)),
    "empty": ("is damaged or not a checkpoint", os.truncate, 0),
    "of the future": ("the future", shutil.copy, "model_20991231_235959.pth"),
    "truncated": ("is damaged", os.truncate, 30_000),
    "missing": ("run `python train.py`", os.remove),
    "inflating archive": ("would inflate", Path.write_bytes, BOMB),
    "smaller budget": ("Parameters: ", edit, LIMITS, '"=": 6986', '"=": 6985'),
    "ten times slower": ("Latency at", edit, "model.py", LAYERS, LAYERS + IDLE),
}


def run_gate():
    """Outputs and exit codes of both ways to run the gate, at once."""
    runs = [
        subprocess.Popen([sys.executable, *command], stdout=PIPE, encoding="utf-8")
        for command in (["test_model.py"], ["-m", "pytest"])
    ]
    return [(run.communicate()[0], run.returncode) for run in runs]


def test_good_model_passes_the_gate(release):
    for output, code in run_gate():
        assert code == 0, output


@pytest.mark.parametrize("name", FAULTS)
def test_gate_catches(name, release):
    says, plant, *arguments = FAULTS[name]
    trained_on = torch.load(release, weights_only=True)["metadata"]["dataset"]
    if name == "own hands alone" and not data.DATASETS[trained_on].draw:
        pytest.skip("the data set at hand has no images to draw")
    plant(release, *arguments)
    for output, code in run_gate():
        assert code == 1
        assert says in output.partition("= FAILURES =")[2], output
    assert not Path("struck").exists()
    assert "FAILED" in Path("report/summary.md").read_text("utf-8")
