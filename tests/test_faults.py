"""The gate finds each planted fault, and both of its commands agree."""

import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
import torch
from samples import own_figures

import train
from model import SimpleCNN
from pipeline import checkpoint, data

pytestmark = [pytest.mark.slow, own_figures]
ROOT = Path(train.__file__).parent
LAST, BIAS = list(SimpleCNN().state_dict())[-2:]  # names of the last layer's tensors


def add_noise(weights, metadata):
    torch.manual_seed(0)
    for name, tensor in weights.items():
        if name.endswith("weight"):
            tensor += 0.4 * tensor.std() * torch.randn(tensor.shape)


def scale_logits(weights, factor):
    weights[LAST] *= factor
    weights[BIAS] *= factor


def swap_classes(weights, metadata):
    weights[LAST] = weights[LAST].roll(1, 0)


CHANGES = {  # the metric that must fail, and a change of the weights or the metadata
    "noise in the weights": ("accuracy", add_noise),
    "neglected class": ("worst_recall", lambda w, m: w[BIAS][7].sub_(2.5)),
    "logits × 0.5": ("mistake_confidence", lambda w, m: scale_logits(w, 0.5)),
    "logits × 2": ("mistake_confidence", lambda w, m: scale_logits(w, 2)),
    "logits × 1000": ("cross_entropy", lambda w, m: scale_logits(w, 1000)),
    "false accuracy": ("accuracy_mismatch", lambda w, m: m.update(test_accuracy=99.9)),
    "padded file": ("file_megabytes", lambda w, m: m.update(note="x" * 90_000)),
}
NO_WARPS = "--degrees=0 --translate=0 --scale=0 --perspective-share=0"
OF_BATCH = "BatchNorm2d(32, track_running_stats=False)"
IDLE = '(layers | {f"idle{i}": nn.Identity() for i in range(5000)})'
TRAININGS = {  # the metric that must fail, an edit of model.py, and options of train.py
    "no warps and no noise": ("warps_accuracy", "", "", f"{NO_WARPS} --noise-share=0"),
    "no synthetic digits": ("synthetic_accuracy", "", "", "--synthetic-images=0"),
    "single images differ": ("batch_difference", "BatchNorm2d(32)", OF_BATCH, ""),
    "too many parameters": ("parameters", "18", "300", ""),
    "ten times slower": (
        "relative_latency_1",
        "(layers)",
        IDLE,
        "--synthetic-images=0",
    ),
}


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


def change(path, function):
    """Let a function change the weights and the metadata of a checkpoint."""
    saved = torch.load(path, weights_only=True)
    function(saved["state_dict"], saved["metadata"])
    torch.save(saved, path)


def run_gate(*command):
    """Exit code and output of a command that runs the gate."""
    command = [sys.executable, *command]
    ended = subprocess.run(command, stdout=PIPE, encoding="utf-8", check=False)
    return ended.returncode, ended.stdout


def check_fault(metric):
    code, output = run_gate("test_model.py")
    assert code == 1
    assert f"[{metric}]" in output, output
    assert "FAILED" in Path("report/summary.md").read_text("utf-8")


def test_both_commands_pass_a_good_model_and_find_the_same_faults(path):
    commands = ["test_model.py"], ["-m", "pytest"]
    for command in commands:
        code, output = run_gate(*command)
        assert code == 0, output
    assert ": 7 (" in run_gate("predict.py", ROOT / "images" / "seven.jpg")[1]
    change(path, swap_classes)
    outputs = [run_gate(*command)[1].splitlines() for command in commands]
    found, same = ({line for line in output if "✗" in line} for output in outputs)
    assert found == same
    assert any("Test Accuracy" in line for line in found)


@pytest.mark.parametrize("name", CHANGES)
def test_changed_checkpoint_is_found(name, path):
    metric, function = CHANGES[name]
    change(path, function)
    check_fault(metric)


@pytest.mark.parametrize("name", TRAININGS)
def test_bad_training_is_found(name, path):
    metric, old, new, options = TRAININGS[name]
    trained_on = torch.load(path, weights_only=True)["metadata"]["dataset"]
    if not data.DATASETS[trained_on].generate and name == "no synthetic digits":
        pytest.skip("the model is trained on synthetic digits alone")
    code = Path("model.py").read_text("utf-8")
    assert old in code
    Path("model.py").write_text(code.replace(old, new), "utf-8")
    path.unlink()
    subprocess.run([sys.executable, "train.py", *options.split()], check=True)
    check_fault(metric)
