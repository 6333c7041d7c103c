"""The gate against planted faults, by both of its commands."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from subprocess import PIPE

import pytest
import torch
from test_checkpoint import NAN, Hostile, archive

import train
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


def rewrite(path, record, change=lambda weights: {}):
    """Add to the record of a checkpoint, and to its weights what `change` makes of them."""
    saved = torch.load(path, weights_only=True)
    saved["metadata"] |= record
    saved["state_dict"] |= change(saved["state_dict"])
    torch.save(saved, path)


def edit(_, script, old, new):
    code = Path(script).read_text("utf-8")
    assert old in code
    Path(script).write_text(code.replace(old, new), "utf-8")


def noise(weights):
    torch.manual_seed(0)
    layers = {name: w for name, w in weights.items() if name.endswith("weight")}
    return {n: w + 0.4 * w.std() * torch.randn_like(w) for n, w in layers.items()}


def retrained(**changes):
    """Function that gives the weights of a training by another recipe."""

    def change(_):
        torch.set_num_threads(1)
        training_set = data.load_dataset()[1]
        recipe = train.Recipe(**changes)
        return train.train(*training_set, recipe, new_network).state_dict()

    return change


def new_network():
    return SimpleCNN(len(CLASSES))


def logits_times(factor):
    return lambda w: {LAST: factor * w[LAST], BIAS: factor * w[BIAS]}


CLASSES = data.DATASETS[data.DEFAULT].classes
LAST, BIAS = "linear4.weight", "linear4.bias"
ONE = torch.arange(len(CLASSES)) == len(CLASSES) - 3
SWAPPED = [*range(1, len(CLASSES)), 0]
NO_WARPS = {"degrees": 0, "translate": 0, "scale": 0, "perspective": 0}
WEIGHTS = {  # what the gate must say, and the changes of the weights w
    "untrained": ("Test Accuracy: ", lambda w: new_network().state_dict()),
    "swapped classes": ("Test Accuracy: ", lambda w: {LAST: w[LAST][SWAPPED]}),
    "noise in the weights": ("Test Accuracy: ", noise),
    "one class neglected": ("Worst Class: ", lambda w: {BIAS: w[BIAS] - 2.5 * ONE}),
    "no augmentation": ("Accuracy, Warps: ", retrained(**NO_WARPS, noisy=0)),
    "own hands alone": ("Accuracy on Other Hands: ", retrained(built_in=0)),
    "one NaN": ("finite floats in linear4", lambda w: {BIAS: w[BIAS].where(~ONE, NAN)}),
    "wider network": ("linear3", lambda w: {"linear3.weight": torch.zeros(64, 128)}),
    "padded buffers": ("Unexpected key", lambda w: {"padding": torch.zeros(1000)}),
    "logits × 0.01": ("Test Cross-Entropy: ", logits_times(0.01)),
    "logits × 1000": ("Test Cross-Entropy: ", logits_times(1000)),
    "logits × 0.5": ("Confidence on Mistakes: ", logits_times(0.5)),
    "logits × 2": ("Confidence on Mistakes: ", logits_times(2)),
    "logits × 4": ("Confidence on Mistakes: ", logits_times(4)),
    "logits × 8": ("Confidence on Mistakes: ", logits_times(8)),
}
RECORDS = {  # and the changes of the record
    "hostile pickle": (
        "more than the tensors",
        {"note": Hostile([os.mkdir, "struck"])},
    ),
    "memory bomb": ("more than the tensors", {"note": Hostile([bytearray, 2**34])}),
    "padded file": ("Checkpoint File: ", {"padding": "x" * 90_000}),
    "oversized file": ("is larger than", {"padding": "x" * 10**7}),
    "unknown data set": ("does not say what it was trained", {"dataset": "emnist"}),
    "false claim": ("Error of the Record: ", {"test_accuracy": 99.9}),
    "NaN in the record": ("a finite number as seconds", {"seconds": NAN}),
}
BOMB = archive(zipfile.ZIP_DEFLATED, 2**26, 2**26)
LAYERS = "super().__init__(layers"
IDLE = " | {f'idle{i}': nn.Dropout() for i in range(5000)}"
LIMITS = "pipeline/limits.json"
FILES = {  # and the function that is called with the checkpoint's path and more
    "folder": ("is not a file", lambda path: path.unlink() or path.mkdir()),
    "pipe": ("is not a file", lambda path: path.unlink() or os.mkfifo(path)),
    "truncated": ("is damaged", os.truncate, 30_000),
    "empty": ("is damaged or not a checkpoint", os.truncate, 0),
    "missing": ("run `python train.py`", os.remove),
    "inflating archive": ("would inflate", Path.write_bytes, BOMB),
    "of the future": ("the future", shutil.copy, "model_20991231_235959.pth"),
    "smaller budget": ("Parameters: ", edit, LIMITS, '"=": 6986', '"=": 6985'),
    "ten times slower": ("Latency at", edit, "model.py", LAYERS, LAYERS + IDLE),
}
FAULTS = dict(FILES)
for name, (says, record) in RECORDS.items():
    FAULTS[name] = says, rewrite, record
for name, (says, change) in WEIGHTS.items():
    FAULTS[name] = says, rewrite, {}, change


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
        assert "✗" not in output


@pytest.mark.parametrize("name", FAULTS)
def test_gate_catches(name, release):
    says, plant, *arguments = FAULTS[name]
    record = torch.load(release, weights_only=True)["metadata"]
    if name == "own hands alone" and not data.DATASETS[record["dataset"]].draw:
        pytest.skip("the data set at hand has no images to draw")
    plant(release, *arguments)
    for output, code in run_gate():
        assert code == 1
        assert says in output.partition("= FAILURES =")[2], output
    assert not Path("struck").exists()
    assert "FAILED" in Path("report/summary.md").read_text("utf-8")
