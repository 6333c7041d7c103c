"""Checkpoints: saved whole or not at all, found by name, loaded without trust."""

import hashlib
import io
import math
import os
import pickletools
import re
import zipfile
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

import torch

from model import SimpleCNN

NAME = "model_%Y%m%d_%H%M%S.pth"
NAME_PATTERN = re.compile(r"model_\d{8}_\d{6}\.pth")
MAX_BYTES = 100_000  # of the file, and of what it would inflate to; ours has 34,099
CLOCK_TOLERANCE = timedelta(days=2)  # between clocks, and between time zones
GLOBALS = {  # all that the pickle inside may name
    "collections OrderedDict",
    "torch FloatStorage",
    "torch LongStorage",
    "torch._utils _rebuild_tensor_v2",
}


class CheckpointError(Exception):
    """A checkpoint is missing or unusable; the message says which, why, and the cure."""


class Checkpoint(NamedTuple):
    """A file with its size in bytes, the record of its training, and the model."""

    path: Path
    sha256: str
    size: int
    metadata: dict
    model: SimpleCNN


def save_checkpoint(model, metadata, folder="."):
    """Write `model` to a new file in `folder`, named by the time, and return its path.

    `metadata`, strings and finite numbers by name, says how the weights came about.
    Raises OSError, and then leaves no file.
    """
    buffer = io.BytesIO()
    torch.save({"metadata": metadata, "state_dict": model.state_dict()}, buffer)
    now = datetime.now()
    for seconds in count():
        path = Path(folder, (now + timedelta(seconds=seconds)).strftime(NAME))
        partial = path.with_suffix(".partial")
        try:
            file = partial.open("xb")  # whoever creates this file owns the name `path`
        except FileExistsError:
            continue
        try:
            with file:
                file.write(buffer.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            if not path.exists():
                return partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def find_checkpoints(folder="."):
    """Paths of all checkpoints in `folder`, oldest first by the time in their names.

    Raises CheckpointError when there is none, or one of the future, which would stay the
    newest.
    """
    folder = Path(folder)
    paths = sorted(p for p in folder.iterdir() if NAME_PATTERN.fullmatch(p.name))
    if not paths:
        raise CheckpointError(
            f"no checkpoint in {folder.resolve()}: run `python train.py` first"
        )
    if paths[-1].name > (datetime.now() + CLOCK_TOLERANCE).strftime(NAME):
        raise CheckpointError(
            f"{paths[-1]} has a time in the future and hides all others: delete it"
        )
    return paths


def load_checkpoint(path):
    """Checkpoint with its model in eval mode.

    Never runs code from the file, and never unpacks more than MAX_BYTES. Raises
    CheckpointError when it cannot be read, is damaged or does not fit SimpleCNN.
    """
    path = Path(path)
    try:
        content, archive = _read(path)
        archive.seek(0)
        checkpoint = torch.load(archive, "cpu", weights_only=True)
        _check_record(checkpoint["metadata"])
        model = _build_model(checkpoint["state_dict"])
    except CheckpointError as error:
        reason = str(error)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
    except Exception:  # noqa: BLE001 - a strange file raises whatever it leads to
        reason = "is truncated or not a checkpoint of train.py"
    else:
        digest = hashlib.sha256(content).hexdigest()
        return Checkpoint(path, digest, len(content), checkpoint["metadata"], model)
    raise CheckpointError(f"{path} {reason}: `python train.py` makes a new one")


def _read(path):
    """A file that is a small and sound archive and names only tensors, written anew.

    Anew, for a crafted archive can show torch other entries than Python's zipfile.
    """
    if path.exists() and not path.is_file():
        raise CheckpointError("cannot be read: it is not a file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if not content:
        raise CheckpointError("is empty")
    if len(content) > MAX_BYTES:
        raise CheckpointError(f"is larger than {MAX_BYTES:,} bytes")
    archive = zipfile.ZipFile(io.BytesIO(content))
    if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
        raise CheckpointError(f"would inflate to more than {MAX_BYTES:,} bytes")
    if any(entry.compress_type for entry in archive.infolist()):  # sizes may be false
        raise CheckpointError("is compressed, as train.py never does")
    if damaged := archive.testzip():  # torch.load itself checks no CRC
        raise CheckpointError(f"is damaged in {damaged}")
    repacked = io.BytesIO()
    with zipfile.ZipFile(repacked, "w") as target:
        for entry in archive.infolist():
            target.writestr(entry.filename, archive.read(entry))
            if entry.filename.lower().endswith("data.pkl"):
                _check_pickle(archive.read(entry))
    return content, repacked


def _check_pickle(pickled):
    """Refuse what names more than tensors, or could take forever; unpickles nothing."""
    tuples, previous = set(), ""
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "GLOBAL" and argument not in GLOBALS:
            raise CheckpointError(f"holds more than tensors ({argument})")
        if opcode.name.endswith("PUT") and previous.startswith("TUPLE"):
            tuples.add(argument)
        if opcode.name.endswith("GET") and argument in tuples:
            raise CheckpointError("nests tuples, whose hash could take forever")
        previous = opcode.name


def _check_record(metadata):
    """Refuse a record of anything but strings and finite numbers."""
    for name, value in metadata.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float):
            raise CheckpointError("holds more than strings and numbers in its record")
        if not isinstance(value, str) and not math.isfinite(value):
            raise CheckpointError(f"holds {value} as {name} in its record")
    if not isinstance(metadata.get("test_accuracy"), int | float):
        raise CheckpointError("does not say its test accuracy")


def _build_model(state_dict):
    """SimpleCNN in eval mode with the weights of `state_dict`."""
    model = SimpleCNN()
    try:
        model.load_state_dict(state_dict)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"was made for another architecture: {reason}") from None
    for name, tensor in model.state_dict().items():
        if state_dict[name].dtype != tensor.dtype:
            raise CheckpointError(f"holds other numbers than {tensor.dtype} in {name}")
        if not tensor.isfinite().all():
            raise CheckpointError(f"holds NaN or infinite weights in {name}")
    return model.eval()
