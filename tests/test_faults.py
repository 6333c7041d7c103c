"""The gate finds each planted fault, and both of its commands agree."""

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from samples import CLASSES, own_figures

import train
from model import SimpleCNN
from pipeline import checkpoint, data

pytestmark = [pytest.mark.slow, own_figures]
ROOT = Path(train.__file__).parent


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Copy of the gate with a good checkpoint, and with MNIST if it is on disk."""
    folder = tmp_path_factory.mktemp("trained")
    for source in (*ROOT.glob("*.py"), ROOT / "pytest.ini"):
        shutil.copy(source, folder)
    shutil.copytree(ROOT / "pipeline", folder / "pipeline")
    if (ROOT / "data").exists():
        (folder / "data").symlink_to(ROOT / "data")
    subprocess.run([sys.executable, "train.py"], cwd=folder, check=True)
    return folder


@pytest.fixture
def path(trained, tmp_path, monkeypatch):
    """Path of the good checkpoint in a new copy, which is the current folder."""
    shutil.copytree(trained, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return checkpoint.find_checkpoints()[0]


def change(part, path, function):
    """Replace in the metadata or the state_dict of a checkpoint what `function` returns."""
    saved = torch.load(path, weights_only=True)
    saved[part] |= function(saved[part])
    torch.save(saved, path)


def retrain(path, old, new, *options):
    """Edit model.py, and train its network."""
    code = Path("model.py").read_text("utf-8")
    assert old in code
    Path("model.py").write_text(code.replace(old, new), "utf-8")
    path.unlink()
    subprocess.run([sys.executable, "train.py", *options], check=True)


def add_noise(weights):
    generator = torch.Generator().manual_seed(0)
    return {
        name: tensor
        + 0.4 * tensor.std() * torch.randn(tensor.shape, generator=generator)
        for name, tensor in weights.items()
        if name.endswith("weight")
    }


def scale_logits(factor):
    return weights, lambda w: {LAST: factor * w[LAST], BIAS: factor * w[BIAS]}


weights, metadata = partial(change, "state_dict"), partial(change, "metadata")
LAST, BIAS = list(SimpleCNN().state_dict())[-2:]
ONE_CLASS = torch.arange(len(CLASSES)) == len(CLASSES) - 3
NORM = "BatchNorm2d(32"
LAYERS = "super().__init__(layers)"
WIDE = """layers["wide"] = nn.Linear(classes, 2000)
        layers["narrow"] = nn.Linear(2000, classes)
        super().__init__(layers)"""
IDLE = """layers.update({f"idle{i}": nn.Identity() for i in range(5000)})
        super().__init__(layers)"""
NO_AUGMENTATION = ["--degrees=0", "--translate=0", "--scale=0", "--perspective-share=0"]
FAULTS = {  # the metric that must fail, and a function of the path with its arguments
    "swapped classes": ("accuracy", weights, lambda w: {LAST: w[LAST].roll(1, 0)}),
    "untrained": ("accuracy", weights, lambda _: SimpleCNN().state_dict()),
    "noise in the weights": ("accuracy", weights, add_noise),
    "neglected class": (
        "worst_recall",
        weights,
        lambda w: {BIAS: w[BIAS] - 2.5 * ONE_CLASS},
    ),
    "logits × 0.01": ("cross_entropy", *scale_logits(0.01)),
    "logits × 0.5": ("mistake_confidence", *scale_logits(0.5)),
    "logits × 2": ("mistake_confidence", *scale_logits(2)),
    "logits × 8": ("mistake_confidence", *scale_logits(8)),
    "logits × 1000": ("cross_entropy", *scale_logits(1000)),
    "false accuracy": (
        "accuracy_mismatch",
        metadata,
        lambda _: {"test_accuracy": 99.9},
    ),
    "padded file": ("file_megabytes", metadata, lambda _: {"note": "x" * 90_000}),
    "no warps and no noise": (
        "warps_accuracy",
        retrain,
        NORM,
        NORM,
        *NO_AUGMENTATION,
        "--noise-share=0",
    ),
    "no synthetic digits": (
        "synthetic_accuracy",
        retrain,
        NORM,
        NORM,
        "--synthetic-images=0",
    ),
    "answers that depend on the batch": (
        "batch_difference",
        retrain,
        NORM,
        f"{NORM}, track_running_stats=False",
    ),
    "too many parameters": ("parameters", retrain, LAYERS, WIDE),
    "ten times slower": ("latency_1", retrain, LAYERS, IDLE, "--synthetic-images=0"),
}


def run_gate(*command):
    """Output and exit code of a command that runs the gate."""
    ended = subprocess.run(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    return ended.stdout, ended.returncode


def test_good_model_passes_by_both_commands(path):
    for command in (["test_model.py"], ["-m", "pytest"]):
        output, code = run_gate(*command)
        assert code == 0, output


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_found(name, path):
    metric, plant, *arguments = FAULTS[name]
    trained_on = torch.load(path, weights_only=True)["metadata"]["dataset"]
    if not data.DATASETS[trained_on].generate and name == "no synthetic digits":
        pytest.skip("the model is trained on synthetic digits alone")
    plant(path, *arguments)
    output, code = run_gate("test_model.py")
    assert code == 1
    assert f"[{metric}]" in output, output
    assert "FAILED" in Path("report/summary.md").read_text("utf-8")


def test_both_commands_find_the_same_faults(path):
    weights(path, lambda w: {LAST: w[LAST].roll(1, 0)})
    found = [
        {line for line in run_gate(*command)[0].splitlines() if "✗" in line}
        for command in (["test_model.py"], ["-m", "pytest"])
    ]
    assert found[0] == found[1] != set()
