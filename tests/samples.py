"""What several tests share: classes, random images, checkpoints, and copies of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model import SimpleCNN
from pipeline import checkpoint, data
from pipeline.synthetic import IMAGE_SIDE

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
NOT_COPIED = ".git", ".*_cache", ".venv", "__pycache__", "data", "report", "model_*.pth"
DATASET = data.DEFAULT
CLASSES = data.DATASETS[DATASET].classes
own_results = pytest.mark.skipif(
    DATASET != "mnist", reason="these are the results of this repository's own data set"
)
mnist_size = pytest.mark.skipif(
    IMAGE_SIDE != 28, reason="the expected pixels are those of images of 28 × 28"
)
METADATA = {"dataset": DATASET, "classes": CLASSES, "test_accuracy": 10.0}


def random_set(n):
    """Return the same random images (n, 1, H, W) each time, and labels in turn."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(n, 1, IMAGE_SIDE, IMAGE_SIDE, generator=generator)
    return images, torch.arange(n) % len(CLASSES)


def save_network(folder=".", network=None, **metadata):
    """Save a network, by default an untrained one; return the path of its checkpoint."""
    network = network or SimpleCNN(len(CLASSES))
    return checkpoint.save_checkpoint(network, METADATA | metadata, folder)


def copy_repository(folder, *left_out):
    """Copy the repository to a new folder, without data, and without the names in `left_out`."""
    ignore = shutil.ignore_patterns(*NOT_COPIED, *left_out)
    shutil.copytree(ROOT, folder, ignore=ignore)


def run(folder, *command, exit_code=0):
    """Run a Python command, which must end with this exit code; return its output."""
    environment = os.environ | {"PYTHONUTF8": "1"}
    options = {"stdout": subprocess.PIPE, "encoding": "utf-8", "env": environment}
    command = [sys.executable, *command]
    ended = subprocess.run(command, cwd=folder, check=False, **options)
    assert ended.returncode == exit_code, ended.stdout
    return ended.stdout
