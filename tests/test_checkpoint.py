"""Checkpoints are saved whole, found by name and loaded without trust."""

import hashlib
import io
import os
import pickle
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch
from samples import CLASSES, NAN, RECORD, random_set, save_network

from model import SimpleCNN
from pipeline import checkpoint, untrusted
from pipeline.cli import UserError

WEIGHTS = SimpleCNN(len(CLASSES)).state_dict()
FIRST = "conv1.weight"


def test_saved_model_comes_back_and_ignores_contrast_and_brightness(tmp_path):
    network, (images, _) = SimpleCNN(len(CLASSES)).eval(), random_set(5)
    path = save_network(tmp_path, network)
    loaded = checkpoint.load_checkpoint(str(path), SimpleCNN)
    assert not loaded.model.training
    assert loaded.metadata == RECORD
    assert loaded.size == path.stat().st_size
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    logits = loaded.model(images)
    assert torch.equal(logits, network(images))
    of_grey = loaded.model(0.3 + 0.5 * images)
    torch.testing.assert_close(of_grey, logits, atol=1e-3, rtol=0)


def test_names_that_are_taken_or_being_written_are_left_alone(tmp_path):
    now = datetime.now(UTC)
    seconds = [now + timedelta(seconds=s) for s in range(5)]
    taken = [tmp_path / f"{second:model_%Y%m%d_%H%M%S.partial}" for second in seconds]
    for path in taken:
        path.touch()
    paths = [save_network(tmp_path) for _ in range(3)]
    assert paths[0].stem > taken[-1].stem
    assert sorted(tmp_path.iterdir()) == taken + paths


def test_newest_name_is_the_last_saved_even_after_names_in_local_time(tmp_path):
    """As a clock of Tokyo wrote it, and with a name beside it that no clock can have."""
    tokyo = datetime.now(UTC) + timedelta(hours=9)
    (tmp_path / f"{tokyo:model_%Y%m%d_%H%M%S.pth}").touch()
    last = save_network(tmp_path)
    assert checkpoint.find_checkpoints(tmp_path)[-1] == last.resolve()
    (tmp_path / "model_20991231_235959.pth").touch()
    assert save_network(tmp_path).name < "model_2099"
    with pytest.raises(UserError, match="20991231.*in the future"):
        checkpoint.find_checkpoints(tmp_path)


def test_checkpoints_are_found_by_the_time_in_their_names(tmp_path):
    names = ["model_20241231_235959.pth", "model_20251101_000000.pth"]
    strangers = ["model_20251102_000000.pt", "model_2025110x_000000.pth"]
    strangers += ["my_model_20251102_000000.pth", "model_20251102_00000٤.pth"]
    for name in strangers:
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="run `python train.py`"):
        checkpoint.find_checkpoints(tmp_path)
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in checkpoint.find_checkpoints(tmp_path)] == names


class Hostile(tuple):
    """A function and its arguments, called by whatever unpickles this."""

    def __reduce__(self):
        return self[0], self[1:]


STRIKE = Hostile([os.mkdir, "struck"])


def pack(**parts):
    """Bytes of a checkpoint of which some parts are others."""
    buffer = io.BytesIO()
    torch.save({"metadata": RECORD, "state_dict": WEIGHTS} | parts, buffer)
    return buffer.getvalue()


def archive(method, size, named_size, copies=1):
    """An archive of `size` zero bytes, listed `copies` times under another size."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr("archive/data/0", bytes(size))
        file.getinfo("archive/data/0").file_size = named_size
        file.filelist *= copies
    return buffer.getvalue()


def flip_a_bit(content):
    content = bytearray(content)
    content[content.index(WEIGHTS[FIRST].numpy().tobytes())] ^= 1
    return content


@pytest.fixture
def refuse(tmp_path, monkeypatch):
    """Function that has a file's content refused with a reason, in little memory."""
    monkeypatch.chdir(tmp_path)

    def refuse(content, reason):
        Path("model.pth").write_bytes(content)
        tracemalloc.start()
        with pytest.raises(UserError, match=f"model.pth .*{reason}.*train.py"):
            checkpoint.load_checkpoint("model.pth", SimpleCNN(len(CLASSES)))
        assert tracemalloc.get_traced_memory()[1] < 40e6
        tracemalloc.stop()
        assert not Path("struck").exists()

    return refuse


@pytest.mark.parametrize(
    ("reason", "make"),
    [
        ("not a checkpoint", lambda: pickle.dumps(STRIKE)),
        ("is damaged", lambda: flip_a_bit(pack())),
        ("is larger than", lambda: bytes(2**25)),
        ("would inflate", lambda: archive(zipfile.ZIP_BZIP2, 2**26, 9)),
        ("would inflate", lambda: archive(zipfile.ZIP_STORED, 10**6, 10**6, 20)),
        ("not a checkpoint", lambda: pack(metadata=None)),
    ],
)
def test_file_that_is_no_whole_checkpoint_is_refused(reason, make, refuse):
    refuse(make(), reason)


@pytest.mark.parametrize(
    ("reason", "record"),
    [
        ("more than the tensors", {"note": STRIKE}),
        ("more than the tensors", {"note": Hostile([bytearray, 2**40])}),
        ("neither strings nor", {(1,): 2}),
        ("neither strings nor", {"classes": ["a", 1]}),
        ("finite number as loss", {"loss": NAN}),
        ("finite number as loss", {"loss": 10**400}),
        (r"number as \?\?## PASSED", {"\n\x1b## PASSED": None}),  # a forged heading
        ("what it was trained on", {"dataset": ["emnist"]}),
        ("its test accuracy", {"test_accuracy": "99"}),
        ("does not name its classes", {"classes": ["a", "a"]}),
        ("does not name its classes", {"classes": ["a", "\x1b"]}),
    ],
)
def test_record_that_could_do_harm_or_says_too_little_is_refused(
    reason, record, refuse
):
    refuse(pack(metadata=RECORD | record), reason)


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ('architecture.*"a\\?b"', {"a\ud800b": torch.ones(1)}),  # half a character
        ("is damaged", {1: torch.ones(1)}),
        (f"architecture.*{FIRST}", {FIRST: torch.ones(4)}),
        (f"other numbers.*{FIRST}", {FIRST: WEIGHTS[FIRST].long()}),
        (f"other numbers.*{FIRST}", {FIRST: WEIGHTS[FIRST] * NAN}),
        ("variance in norm2", {"norm2.running_var": -torch.ones(32)}),
    ],
)
def test_weights_of_no_such_network_are_refused(reason, change, refuse):
    refuse(pack(state_dict=WEIGHTS | change), reason)


def test_torch_sees_the_listed_part_of_an_archive_alone():
    assert b"unlisted" not in untrusted.copy_archive(b"unlisted" + pack()).read()


def test_what_is_no_file_is_refused_rather_than_waited_for(tmp_path):
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing.pth"):
        with pytest.raises(UserError, match=f"{path.name} is not a file"):
            checkpoint.load_checkpoint(path, SimpleCNN)


def test_fault_of_the_code_is_not_blamed_on_the_file(tmp_path):
    with pytest.raises(AttributeError, match="BatchNorm1D"):
        checkpoint.load_checkpoint(
            save_network(tmp_path), lambda classes: torch.nn.BatchNorm1D(classes)
        )
