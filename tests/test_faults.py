"""The gate finds bad models, with `python test_model.py` and with `pytest`."""

import shutil
from pathlib import Path

import pytest
import torch
from samples import ROOT, copy_repository, own_results, run

from model import SimpleCNN
from pipeline.checkpoint import find_checkpoints

pytestmark = [pytest.mark.slow, own_results]
LAST, BIAS = list(SimpleCNN().state_dict())[-2:]  # names of the last layer's tensors


def add_noise(weights, metadata):
    torch.manual_seed(0)
    for name, tensor in weights.items():
        if name.endswith("weight"):
            tensor += 0.4 * tensor.std() * torch.randn(tensor.shape)


def scale_logits(weights, factor):
    weights[LAST] *= factor
    weights[BIAS] *= factor


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
NO_STATS = "BatchNorm2d(32, track_running_stats=False)"
IDLE = '(layers | {f"idle{i}": nn.Identity() for i in range(5000)})'
TRAININGS = {  # the metric that must fail, an edit of model.py, and options of train.py
    "no warps and no noise": ("warps_accuracy", "", "", f"{NO_WARPS} --noise-share=0"),
    "no synthetic digits": ("synthetic_accuracy", "", "", "--synthetic-images=0"),
    "single images differ": ("batch_difference", "BatchNorm2d(32)", NO_STATS, ""),
    "too many parameters": ("parameters", "18", "300", ""),
    "ten times slower": ("relative_latency_1", "(layers)", IDLE, ""),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Copy the repository, with MNIST if it is on disk, and train a good checkpoint there."""
    folder = tmp_path_factory.mktemp("trained") / "copy"
    copy_repository(folder, "tests")
    if (ROOT / "data").exists():
        (folder / "data").symlink_to(ROOT / "data")
    run(folder, "train.py")
    return folder


@pytest.fixture
def path(trained, tmp_path, monkeypatch):
    """Copy the good checkpoint to a new current folder; return its path."""
    shutil.copytree(trained, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return find_checkpoints()[0]


def change(path, function):
    """Let a function change the weights and the metadata of a checkpoint."""
    saved = torch.load(path, weights_only=True)
    function(saved["state_dict"], saved["metadata"])
    torch.save(saved, path)


def check_fault(metric):
    output = run(".", "test_model.py", exit_code=1)
    assert f"[{metric}]" in output, output
    assert Path("report/summary.md").read_text("utf-8").startswith("## FAILED")


def test_both_commands_pass_a_good_model_and_find_the_same_fault(path):
    commands = ["test_model.py"], ["-m", "pytest"]
    for command in commands:
        run(".", *command)
    assert ": 7 (" in run(".", "predict.py", "images/seven.jpg")
    change(path, lambda weights, _: weights[LAST].copy_(weights[LAST].roll(1, 0)))
    outputs = [run(".", *command, exit_code=1).splitlines() for command in commands]
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
    code = Path("model.py").read_text("utf-8")
    assert old in code
    Path("model.py").write_text(code.replace(old, new), "utf-8")
    path.unlink()
    run(".", "train.py", *options.split())
    check_fault(metric)
