"""Checkpoints are saved whole, found by name and loaded without trust."""

import io
import os
import pickle
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
import torch
from samples import CLASSES, RECORD, random_set, save_network

from model import SimpleCNN
from pipeline import checkpoint, untrusted
from pipeline.cli import UserError

WEIGHTS = SimpleCNN(len(CLASSES)).state_dict()
FIRST, BELOW_0 = "conv1.weight", -torch.ones(32)


def test_saved_model_comes_back(tmp_path):
    network, (images, _) = SimpleCNN(len(CLASSES)).eval(), random_set(5)
    loaded = checkpoint.load_checkpoint(SimpleCNN, save_network(tmp_path, network))
    assert torch.equal(loaded.model(images), network(images))
    assert loaded.metadata == RECORD


def test_new_name_is_the_time_in_utc_and_the_latest(tmp_path):
    now = datetime.now(UTC)
    before, tokyo, taken, free = [
        f"{now + timedelta(hours=hours, seconds=seconds):model_%Y%m%d_%H%M%S}"
        for hours, seconds in [(0, -1), (9, 0), (9, 1), (9, 2)]
    ]
    first = save_network(tmp_path)
    assert before < first.stem < tokyo
    (tmp_path / f"{tokyo}.pth").touch()
    (tmp_path / f"{taken}.partial").touch()  # as another process is writing it
    (tmp_path / "model_20991231_235959.pth").touch()  # which no clock can have
    assert save_network(tmp_path).stem == free
    assert len(list(tmp_path.iterdir())) == 5


def test_checkpoints_are_found_by_the_time_in_their_names(tmp_path):
    names = ["model_20241231_235959.pth", "model_20251101_000000.pth"]
    strangers = ["model_20251102_000000.pt", "my_model_20251102_000000.pth"]
    strangers += ["model_2025110x_000000.pth", "model_20251102_00000٤.pth"]
    for name in names + strangers:
        (tmp_path / name).touch()
    assert [path.name for path in checkpoint.find_checkpoints(tmp_path)] == names


class Hostile(tuple):
    """A function and its arguments, called by whatever unpickles this."""

    def __reduce__(self):
        return self[0], self[1:]


STRIKE = Hostile([os.mkdir, "struck"])


def pack(record=(), weights=()):
    """Bytes of a checkpoint with some of its record and weights changed."""
    buffer = io.BytesIO()
    parts = {"metadata": RECORD | dict(record), "state_dict": WEIGHTS | dict(weights)}
    torch.save(parts, buffer)
    return buffer.getvalue()


def archive(method, size, named_size, copies=1):
    """An archive of `size` zero bytes, listed `copies` times under another size."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr("archive/data/0", bytes(size))
        file.getinfo("archive/data/0").file_size = named_size
        file.filelist *= copies
    return buffer.getvalue()


REFUSED = {  # why, and what is in the file; test_faults.py has others
    "bare pickle": ("not a checkpoint", pickle.dumps(STRIKE)),
    "another byte": ("is damaged", pack().replace(b"conv1", b"conv2")),
    "lie about its size": ("would inflate", archive(zipfile.ZIP_DEFLATED, 99, 9)),
    "one part many times": ("would inflate", archive(0, 10**6, 10**6, 20)),
    "code in the record": ("more than the tensors", pack({"note": STRIKE})),
    "name that is no text": ("neither strings nor", pack({1: 2})),
    "class that is no text": ("neither strings nor", pack({"classes": ["a", 1]})),
    "number beyond floats": ("finite number as loss", pack({"loss": 10**400})),
    "forged heading": (r"as \?\?## OK", pack({"\n\x1b## OK": None})),
    "one text many times": ("holds more than", pack({"a": 200 * ["x" * 999]})),
    "list of data sets": ("what it was trained on", pack({"dataset": ["emnist"]})),
    "accuracy in words": ("its test accuracy", pack({"test_accuracy": "99"})),
    "one name twice": ("does not name its classes", pack({"classes": ["a", "a"]})),
    "name with an escape": ("does not name its cl", pack({"classes": ["a", "\x1b"]})),
    "half a character": (r"architecture: a\?b is", pack((), {"a\ud800b": BELOW_0})),
    "number for a name": ("architecture: 1 is", pack((), {1: BELOW_0})),
    "integers": (f"other numbers.*{FIRST}", pack((), {FIRST: WEIGHTS[FIRST].long()})),
    "infinity": (f"other numbers.*{FIRST}", pack((), {FIRST: WEIGHTS[FIRST] / 0})),
    "negative variance": ("in norm2", pack((), {"norm2.running_var": BELOW_0})),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_do_harm_or_says_too_little_is_refused(name, tmp_path, monkeypatch):
    reason, content = REFUSED[name]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"model.pth .*{reason}.*train.py"):
        checkpoint.load_checkpoint(SimpleCNN(len(CLASSES)), path)
    assert list(tmp_path.iterdir()) == [path]  # nothing was struck


def test_weights_that_torch_would_fill_in_are_missed(tmp_path):
    weights = {name: WEIGHTS[name] for name in WEIGHTS if "tracked" not in name}
    torch.save({"metadata": RECORD, "state_dict": weights}, tmp_path / "model.pth")
    with pytest.raises(UserError, match="norm2.num_batches_tracked is missing"):
        checkpoint.load_checkpoint(SimpleCNN(len(CLASSES)), tmp_path / "model.pth")


def test_torch_sees_the_listed_part_of_an_archive_alone():
    assert b"unlisted" not in untrusted.copy_archive(b"unlisted" + pack()).read()


def test_fault_of_the_code_is_not_blamed_on_the_file(tmp_path):
    path = save_network(tmp_path)
    with pytest.raises(ZeroDivisionError):
        checkpoint.load_checkpoint(lambda classes: 1 / 0, path)
