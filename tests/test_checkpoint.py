"""The network's shape; checkpoints saved whole, found by name and loaded without trust."""

import io
import os
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict
from datetime import datetime, timedelta
from unittest.mock import Mock

import pytest
import torch

from model import SimpleCNN
from pipeline import checkpoint
from pipeline.cli import UserError

METADATA = {"dataset": "mnist", "test_accuracy": 99.0}
NAN = float("nan")


def save(network, folder):
    return checkpoint.save_checkpoint(network, METADATA, folder)


def test_saved_model_comes_back_and_ignores_contrast_and_brightness(tmp_path):
    network, images = SimpleCNN().eval(), torch.rand(5, 1, 28, 28)
    path = save(network, tmp_path)
    loaded = checkpoint.load_checkpoint(path)
    assert not loaded.model.training
    assert loaded.metadata == METADATA
    assert loaded.content == path.read_bytes()
    logits = loaded.model(images)
    assert logits.shape == (5, 10)
    assert torch.equal(logits, network(images))
    of_grey = loaded.model(0.3 + 0.5 * images)
    torch.testing.assert_close(of_grey, logits, atol=1e-3, rtol=0)


def test_names_that_are_taken_or_being_written_are_left_alone(tmp_path):
    now = datetime.now()
    seconds = [now + timedelta(seconds=s) for s in range(5)]
    taken = [tmp_path / f"{second:model_%Y%m%d_%H%M%S.partial}" for second in seconds]
    for path in taken:
        path.touch()
    paths = [save(SimpleCNN(), tmp_path) for _ in range(3)]
    assert paths[0].stem > taken[-1].stem
    assert checkpoint.find_checkpoints(tmp_path) == paths
    assert sorted(tmp_path.iterdir()) == taken + paths


def test_full_disk_leaves_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", Mock(side_effect=OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save(SimpleCNN(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_checkpoints_are_found_by_the_time_in_their_names(tmp_path):
    names = ["model_20241231_235959.pth", "model_20251101_000000.pth"]
    strangers = ["model_20251102_000000.pt", "model_2025110_000000.pth", "zebra"]
    strangers += ["model_2025110x_000000.pth", "model_20251102_00000٤.pth"]
    strangers += ["my_model_20251102_000000.pth", "model_20251102_000000.partial"]
    for name in strangers:
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="run `python train.py`"):
        checkpoint.find_checkpoints(tmp_path)
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in checkpoint.find_checkpoints(tmp_path)] == names
    (tmp_path / "model_20991231_235959.pth").touch()
    with pytest.raises(UserError, match="20991231.*in the future"):
        checkpoint.find_checkpoints(tmp_path)


class Hostile(tuple):
    """A function and its arguments, called by whatever unpickles this."""

    def __reduce__(self):
        return self[0], self[1:]


def torch_bytes(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def archive(method, size, named_size, copies=1):
    """An archive of `size` zero bytes, listed `copies` times under another size."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr("archive/data/0", bytes(size))
        file.getinfo("archive/data/0").file_size = named_size
        file.filelist *= copies
    return buffer.getvalue()


def unusable_contents(good, struck):
    """Pairs of the reason why it is refused and the content of a checkpoint file."""
    weights = torch.load(io.BytesIO(good), weights_only=True)["state_dict"]
    name, first = next(iter(weights.items()))
    encrypted, flipped = bytearray(good), bytearray(good)
    encrypted[good.rindex(b"PK\1\2") + 8] |= 1
    flipped[good.index(first.numpy().tobytes())] ^= 1
    hostile = Hostile([os.mkdir, str(struck)])
    halves = OrderedDict((name, tensor.half()) for name, tensor in weights.items())
    assign = {"version": 2, "assign_to_params_buffers": True}
    halves._metadata = dict.fromkeys("0123456789", assign)

    def of_record(record):
        return torch_bytes({"metadata": record, "state_dict": weights})

    def of_weights(state):
        return torch_bytes({"metadata": METADATA, "state_dict": state})

    return [
        ("not a checkpoint", pickle.dumps(hostile)),
        ("is damaged", flipped),
        ("is damaged", encrypted),
        ("is larger than", bytes(2**25)),
        ("would inflate", archive(zipfile.ZIP_BZIP2, 2**26, 9)),
        ("would inflate", archive(zipfile.ZIP_STORED, 60_000, 60_000, copies=2)),
        ("more than tensors", torch_bytes(SimpleCNN())),
        ("not a checkpoint of train.py", torch_bytes(weights)),
        ("not a checkpoint of train.py", of_record({"dataset": "mnist"})),
        ("not a checkpoint of train.py", of_record(METADATA | {(1,): 2})),
        ("more than tensors", of_record(METADATA | {"note": hostile})),
        ("more than tensors", of_record({"note": Hostile([bytearray, 2**40])})),
        ("more than tensors", of_record(METADATA | {"note": b"encoded text"})),
        ("neither a string nor", of_record(METADATA | {"note": first[0, 0, 0, 0]})),
        ("what it was trained on", of_record(METADATA | {"dataset": "emnist"})),
        ("its test accuracy", of_record(METADATA | {"test_accuracy": "99"})),
        ("finite number as loss", of_record(METADATA | {"loss": NAN})),
        (r"number as \?\?## PASSED", of_record(METADATA | {"\n\x1b## PASSED": None})),
        ('architecture.*"a\\?b"', of_weights(weights | {"a\ud800b": first})),
        (f"architecture.*{name}", of_weights(weights | {name: first[:4]})),
        (f"architecture.*{name}", of_weights(weights | {name: "text"})),
        (f"architecture.*{name}", of_weights(dict([*weights.items()][1:]))),
        (f"other numbers.*{name}", of_weights(weights | {name: first.double()})),
        (f"other numbers.*{name}", of_weights(weights | {name: first * NAN})),
        (f"other numbers.*{name}", of_weights(weights | {name: first / 0})),
        (f"other numbers.*{name}", of_weights(halves)),
        ("variance in 6", of_weights(weights | {"6.running_var": -torch.ones(32)})),
    ]


def test_unusable_checkpoints_are_refused_with_the_reason_in_little_memory(tmp_path):
    path, struck = save(SimpleCNN(), tmp_path), tmp_path / "struck"
    good = path.read_bytes()
    assert b"unlisted" not in checkpoint.check_archive(b"unlisted" + good).read()
    for reason, content in unusable_contents(good, struck):
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(UserError, match=f"{path.name} .*{reason}"):
            checkpoint.load_checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 10e6
        tracemalloc.stop()
    assert not struck.exists()
    for path in (tmp_path, tmp_path / "missing.pth"):
        with pytest.raises(UserError, match=f"{path.name} is not a file"):
            checkpoint.load_checkpoint(path)
