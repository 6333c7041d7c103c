"""Checkpoints are saved whole, found by name, and refused if they are damaged."""

import io
import os
import zipfile
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
import torch
from samples import CLASSES, METADATA, save_network

from model import SimpleCNN
from pipeline import checkpoint
from pipeline.cli import UserError

WEIGHTS = SimpleCNN(len(CLASSES)).state_dict()
NAME = next(iter(WEIGHTS))  # of a tensor


def test_saved_model_of_any_size_is_loaded_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wide = lambda classes: torch.nn.Linear(2_000_000, classes)
    network = wide(len(CLASSES))
    save_network(network=network)
    loaded = checkpoint.load_checkpoint(wide)
    assert torch.equal(loaded.model.weight, network.weight)
    assert loaded.metadata == METADATA
    assert not loaded.model.training


def test_name_is_the_time_in_utc_and_no_file_is_overwritten(tmp_path, monkeypatch):
    times = [datetime(2026, 1, 1, 0, 0, second) for second in (0, 0, 1, 2)]
    now = Mock(side_effect=times)
    monkeypatch.setattr(checkpoint, "datetime", Mock(now=now))
    locked = tmp_path / "model_20260101_000001.partial"  # another process saves
    locked.touch()
    paths = [save_network(tmp_path), save_network(tmp_path)]
    assert [path.stem[-2:] for path in paths] == ["00", "02"]
    assert sorted(tmp_path.iterdir()) == [paths[0], locked, paths[1]]
    now.assert_called_with(UTC)


def test_checkpoints_are_found_by_name(tmp_path):
    names = ["model_20260101_000000.pth", "model_20260101_000001.pth"]
    for name in (*names, "my_model_20260101_000002.pth", "model_2026010x_000003.pth"):
        (tmp_path / name).touch()
    assert [path.name for path in checkpoint.find_checkpoints(tmp_path)] == names
    (tmp_path / "model_20991231_235959.pth").touch()
    with pytest.raises(UserError, match=r"model_2099.*future.*rename or delete it"):
        checkpoint.find_checkpoints(tmp_path)


def pack(weights=(), **metadata):
    """Return the bytes of a checkpoint with other weights or metadata."""
    buffer = io.BytesIO()
    parts = {"metadata": METADATA | metadata, "state_dict": WEIGHTS | dict(weights)}
    torch.save(parts, buffer)
    return buffer.getvalue()


def compress(content):
    """Return the same checkpoint in a compressed archive, which torch can read too."""
    buffer, original = io.BytesIO(), zipfile.ZipFile(io.BytesIO(content))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in original.namelist():
            archive.writestr(name, original.read(name))
    return buffer.getvalue()


LARGE = pack(note="x" * 10**7)
DAMAGED = "is damaged or not a checkpoint"
REFUSED = {  # the error, and the content of the file
    "truncated": (DAMAGED, pack()[:-9000]),
    "one byte changed": (DAMAGED, pack().replace(b"dataset", b"dataseT", 1)),
    "code in the metadata": (DAMAGED, pack(note=os.getcwd)),
    "too large": ("is larger than", LARGE),
    "too large when unpacked": (DAMAGED, compress(LARGE)),
    "unknown data set": (r"unknown data set, \?rain", pack(dataset="\nrain")),
    "no data set": ("no valid dataset", pack(dataset=1)),
    "no accuracy": ("no valid test_accuracy", pack(test_accuracy="99")),
    "classes that are not text": ("classes that are not text", pack(classes=[1, 2])),
    "another layer": ("another network.*pad", pack({"pad": torch.ones(1)})),
    "infinite weight": (f"not finite in {NAME}", pack({NAME: WEIGHTS[NAME] / 0})),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_file_is_refused(name, tmp_path):
    error, content = REFUSED[name]
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"model.pth .*{error}.*train.py"):
        checkpoint.load_checkpoint(SimpleCNN, path)


def test_missing_file_and_folder_are_refused(tmp_path):
    for path, error in {tmp_path: "is not a file", tmp_path / "a": "not exist"}.items():
        with pytest.raises(UserError, match=error):
            checkpoint.load_checkpoint(SimpleCNN, path)
