"""Checkpoints are saved whole, found by name, and refused if they are damaged."""

import io
import os
import zipfile
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
import torch
from samples import CLASSES, METADATA, random_set, save_network

from model import SimpleCNN
from pipeline import checkpoint
from pipeline.cli import UserError

WEIGHTS = SimpleCNN(len(CLASSES)).state_dict()
NAME = next(iter(WEIGHTS))  # of a tensor


def test_saved_model_is_loaded_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network, (images, _) = SimpleCNN(len(CLASSES)).eval(), random_set(5)
    save_network(network=network)
    loaded = checkpoint.load_checkpoint(SimpleCNN)
    assert torch.equal(loaded.model(images), network(images))
    assert loaded.metadata == METADATA


def test_name_of_a_checkpoint_is_its_time_and_free(tmp_path, monkeypatch):
    first, locked, free = (datetime(2026, 1, 1, 0, 0, second) for second in range(3))
    now = Mock(side_effect=[first, first, locked, free])
    monkeypatch.setattr(checkpoint, "datetime", Mock(now=now))
    (tmp_path / "model_20260101_000001.partial").touch()
    saved = [save_network(tmp_path).name for _ in range(2)]
    monkeypatch.undo()
    now.assert_called_with(UTC)
    assert saved == ["model_20260101_000000.pth", "model_20260101_000002.pth"]
    for other in ("my_model_20251102_000000.pth", "model_2025110x_000000.pth"):
        (tmp_path / other).touch()
    assert [path.name for path in checkpoint.find_checkpoints(tmp_path)] == saved
    assert len(list(tmp_path.iterdir())) == 5
    (tmp_path / "model_20991231_235959.pth").touch()
    with pytest.raises(UserError, match=r"model_2099.*future.*rename or delete it"):
        checkpoint.find_checkpoints(tmp_path)


def pack(weights=(), **metadata):
    """Bytes of a checkpoint with other weights or metadata."""
    buffer = io.BytesIO()
    parts = {"metadata": METADATA | metadata, "state_dict": WEIGHTS | dict(weights)}
    torch.save(parts, buffer)
    return buffer.getvalue()


class Hostile:
    """An object that creates a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("executed",)


def compress(content):
    """The same checkpoint in a compressed file, which torch can read too."""
    buffer, original = io.BytesIO(), zipfile.ZipFile(io.BytesIO(content))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in original.namelist():
            archive.writestr(name, original.read(name))
    return buffer.getvalue()


LARGE = pack(note="x" * 10**7)
DAMAGED = "is damaged or not a checkpoint"
REFUSED = {  # the error, and the content of the file
    "truncated": (DAMAGED, pack()[:-9000]),
    "one byte changed": (DAMAGED, pack().replace(b"conv", b"cony", 1)),
    "code in the metadata": (DAMAGED, pack(note=Hostile())),
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
def test_bad_file_is_refused(name, tmp_path, monkeypatch):
    error, content = REFUSED[name]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"model.pth .*{error}.*train.py"):
        checkpoint.load_checkpoint(SimpleCNN, path)
    assert list(tmp_path.iterdir()) == [path]  # no code was executed


def test_missing_file_and_folder_are_refused(tmp_path):
    for path, error in {tmp_path: "is not a file", tmp_path / "a": "not exist"}.items():
        with pytest.raises(UserError, match=error):
            checkpoint.load_checkpoint(SimpleCNN, path)


def test_size_limit_follows_from_the_network(tmp_path):
    wide = lambda classes: torch.nn.Linear(2_000_000, classes)
    path = save_network(tmp_path, wide(len(CLASSES)))
    assert path.stat().st_size > 10 * checkpoint.METADATA_BYTES
    assert checkpoint.load_checkpoint(wide, path).model.in_features == 2_000_000
