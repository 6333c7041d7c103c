"""The network's shape; checkpoints saved whole, found by name and loaded without trust."""

import hashlib
import io
import os
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from model import SimpleCNN
from pipeline import checkpoint, data, untrusted
from pipeline.cli import UserError

CLASSES = data.DATASETS[data.DEFAULT].classes
METADATA = {"dataset": data.DEFAULT, "classes": CLASSES, "test_accuracy": 99.0}
NAN = float("nan")


def save(network, folder):
    return checkpoint.save_checkpoint(network, METADATA, folder)


def test_saved_model_comes_back_and_ignores_contrast_and_brightness(tmp_path):
    network, images = SimpleCNN(len(CLASSES)).eval(), torch.rand(5, 1, 28, 28)
    path = save(network, tmp_path)
    loaded = checkpoint.load_checkpoint(str(path), SimpleCNN())
    assert not loaded.model.training
    assert loaded.metadata == METADATA
    assert loaded.size == path.stat().st_size
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    logits = loaded.model(images)
    assert logits.shape == (5, len(CLASSES))
    assert torch.equal(logits, network(images))
    of_grey = loaded.model(0.3 + 0.5 * images)
    torch.testing.assert_close(of_grey, logits, atol=1e-3, rtol=0)


def test_names_that_are_taken_or_being_written_are_left_alone(tmp_path):
    now = datetime.now(UTC)
    seconds = [now + timedelta(seconds=s) for s in range(5)]
    taken = [tmp_path / f"{second:model_%Y%m%d_%H%M%S.partial}" for second in seconds]
    for path in taken:
        path.touch()
    paths = [save(SimpleCNN(), tmp_path) for _ in range(3)]
    assert paths[0].stem > taken[-1].stem
    assert checkpoint.find_checkpoints(tmp_path) == paths
    assert sorted(tmp_path.iterdir()) == taken + paths


def test_newest_name_is_the_last_saved_even_after_names_in_local_time(tmp_path):
    """As a clock of Tokyo wrote it, and with a name beside it that no clock can have."""
    tokyo = datetime.now(UTC) + timedelta(hours=9)
    (tmp_path / f"{tokyo:model_%Y%m%d_%H%M%S.pth}").touch()
    last = save(SimpleCNN(), tmp_path)
    assert checkpoint.find_checkpoints(tmp_path)[-1] == last.resolve()
    (tmp_path / "model_20991231_235959.pth").touch()
    assert save(SimpleCNN(), tmp_path).name < "model_2099"


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


def of(**parts):
    return torch_bytes({"metadata": METADATA, "state_dict": weights()} | parts)


def of_record(record):
    return of(metadata=METADATA | record)


def of_weights(change):
    return of(state_dict=weights() | change)


def flipped():
    first = weights()["conv1.weight"].numpy().tobytes()
    content = bytearray(of())
    content[content.index(first)] ^= 1
    return content


def encrypted():
    content = bytearray(of())
    content[content.rindex(b"PK\1\2") + 8] |= 1
    return content


def halves():
    state = OrderedDict((name, tensor.half()) for name, tensor in weights().items())
    assign = {"version": 2, "assign_to_params_buffers": True}
    state._metadata = dict.fromkeys([name.partition(".")[0] for name in state], assign)
    return of(state_dict=state)


@cache
def weights():
    return SimpleCNN(len(CLASSES)).state_dict()


FIRST = "conv1.weight"
HOSTILE = Hostile([os.mkdir, "struck"])
UNUSABLE = {  # the reason why it is refused, and what makes the content of the file
    "a pickle": ("not a checkpoint", lambda: pickle.dumps(HOSTILE)),
    "a flipped bit": ("is damaged", flipped),
    "encrypted": ("is damaged", encrypted),
    "huge": ("is larger than", lambda: bytes(2**25)),
    "packed": ("would inflate", lambda: archive(zipfile.ZIP_BZIP2, 2**26, 9)),
    "repeated": (
        "would inflate",
        lambda: archive(zipfile.ZIP_STORED, 6 * 10**5, 6 * 10**5, 20),
    ),
    "a module": ("more than the tensors", lambda: torch_bytes(SimpleCNN())),
    "weights alone": ("not a checkpoint of train", lambda: torch_bytes(weights())),
    "code": ("more than the tensors", lambda: of_record({"note": HOSTILE})),
    "memory": (
        "more than the tensors",
        lambda: of_record({"note": Hostile([bytearray, 2**40])}),
    ),
    "encoded text": ("more than the tensors", lambda: of_record({"note": b"text"})),
    "a key": ("neither strings nor", lambda: of_record({(1,): 2})),
    "a tensor": ("neither strings nor", lambda: of_record({"note": torch.ones(1)})),
    "mixed": ("neither strings nor", lambda: of_record({"classes": ["a", 1]})),
    "NaN": ("finite number as loss", lambda: of_record({"loss": NAN})),
    "a forged heading": (
        r"number as \?\?## PASSED",
        lambda: of_record({"\n\x1b## PASSED": None}),
    ),
    "a strange set": (
        "what it was trained on",
        lambda: of_record({"dataset": ["emnist"]}),
    ),
    "no accuracy": ("its test accuracy", lambda: of_record({"test_accuracy": "99"})),
    "one class": (
        "does not name its classes",
        lambda: of_record({"classes": ["a", "a"]}),
    ),
    "an escape": (
        "does not name its classes",
        lambda: of_record({"classes": ["a", "\x1b"]}),
    ),
    "a half character": (
        'architecture.*"a\\?b"',
        lambda: of_weights({"a\ud800b": torch.ones(1)}),
    ),
    "a shape": (f"architecture.*{FIRST}", lambda: of_weights({FIRST: torch.ones(4)})),
    "no tensor": (f"architecture.*{FIRST}", lambda: of_weights({FIRST: "text"})),
    "a lack": (
        f"architecture.*{FIRST}",
        lambda: of(state_dict=dict([*weights().items()][1:])),
    ),
    "integers": (
        f"other numbers.*{FIRST}",
        lambda: of_weights({FIRST: weights()[FIRST].long()}),
    ),
    "NaN weights": (
        f"other numbers.*{FIRST}",
        lambda: of_weights({FIRST: weights()[FIRST] * NAN}),
    ),
    "infinity": (
        f"other numbers.*{FIRST}",
        lambda: of_weights({FIRST: weights()[FIRST] / 0}),
    ),
    "halves": ("more than the tensors", halves),
    "a variance": (
        "variance in norm2",
        lambda: of_weights({"norm2.running_var": -torch.ones(32)}),
    ),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_checkpoint_is_refused_with_the_reason_in_little_memory(
    name, tmp_path, monkeypatch
):
    reason, make_content = UNUSABLE[name]
    path = tmp_path / "model.pth"
    path.write_bytes(make_content())
    monkeypatch.chdir(tmp_path)
    tracemalloc.start()
    with pytest.raises(UserError, match=f"{path.name} .*{reason}"):
        checkpoint.load_checkpoint(path, SimpleCNN(len(CLASSES)))
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()
    assert not Path("struck").exists()


def test_torch_sees_the_listed_part_of_an_archive_alone():
    assert b"unlisted" not in untrusted.copy_archive(b"unlisted" + of()).read()


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing.pth"):
        with pytest.raises(UserError, match=f"{path.name} is not a file"):
            checkpoint.load_checkpoint(path, SimpleCNN)


def test_fault_of_the_code_is_not_blamed_on_the_file(tmp_path):
    def mistyped(classes):
        return torch.nn.BatchNorm1D(classes)

    with pytest.raises(AttributeError, match="BatchNorm1D"):
        checkpoint.load_checkpoint(save(SimpleCNN(), tmp_path), mistyped)
