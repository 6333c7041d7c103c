"""Checkpoints: saved whole or not at all, found by name, loaded without trust."""

import io
import math
import os
import pickle
import zipfile
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

import torch

from model import SimpleCNN
from pipeline.cli import UserError
from pipeline.data import DATASETS

NAME = "model_%Y%m%d_%H%M%S.pth"
NAME_PATTERN = f"model_{8 * '[0-9]'}_{6 * '[0-9]'}.pth"
MAX_BYTES = 100_000  # of the file, and of all that is in it; ours has 34,099
CLOCK_TOLERANCE = timedelta(days=2)  # between clocks, and between time zones


class Checkpoint(NamedTuple):
    """A file with its bytes, the record of its training, and the model."""

    path: Path
    content: bytes
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
    """Paths of all checkpoints, oldest first by their names; raises UserError."""
    folder = Path(folder).resolve()
    paths = sorted(folder.glob(NAME_PATTERN))
    if not paths:
        raise UserError(f"no checkpoint in {folder}: run `python train.py` first")
    if paths[-1].name > (datetime.now() + CLOCK_TOLERANCE).strftime(NAME):
        raise UserError(f"{paths[-1]} has a time in the future: delete it")
    return paths


def load_checkpoint(path):
    """Checkpoint at a Path, with its model in eval mode.

    Never runs code from the file. Raises UserError when it cannot be read, is
    damaged, has no sound record, or does not fit SimpleCNN.
    """
    try:
        if not path.is_file():  # nor is a pipe, which would be waited for
            raise UserError("is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        saved = torch.load(check_archive(content), "cpu", weights_only=True)
        metadata = check_record(**saved["metadata"])
        return Checkpoint(path, content, metadata, build_model(saved["state_dict"]))
    except UserError as error:
        reason = str(error)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
    except pickle.UnpicklingError:
        reason = "holds more than tensors, strings and numbers"
    except Exception:  # noqa: BLE001 - a strange file raises whatever it leads to
        reason = "is damaged or not a checkpoint of train.py"
    # The reason may quote the file, and so hold anything.
    shown = "".join(c if c.isprintable() else "?" for c in reason)
    raise UserError(f"{path} {shown}: `python train.py` makes a new one")


def check_archive(content):
    """The archive `content`, sound and small even when unpacked, as a file to read.

    Written anew, for a crafted one can show torch other entries than Python's zipfile.
    """
    if len(content) > MAX_BYTES:
        raise UserError(f"is larger than {MAX_BYTES:,} bytes")
    source, copy = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    entries = source.infolist()
    packed = any(entry.compress_type for entry in entries)  # whose sizes may be lies
    if packed or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise UserError(f"would inflate to more than {MAX_BYTES:,} bytes")
    with zipfile.ZipFile(copy, "w") as target:
        for entry in entries:
            target.writestr(entry.filename, source.read(entry))  # checks the CRC
    if any(name in copy.getvalue() for name in (b"bytearray", b"_codecs")):  # bombs
        raise pickle.UnpicklingError
    copy.seek(0)
    return copy


def check_record(**metadata):
    """The record, if it says what is needed, in strings and finite numbers."""
    for name, value in metadata.items():
        number = isinstance(value, int | float) and math.isfinite(value)
        if not number and not isinstance(value, str):
            raise UserError(f"holds neither a string nor a finite number as {name}")
    if metadata["dataset"] not in DATASETS:
        raise UserError("does not say what it was trained on")
    if not isinstance(metadata["test_accuracy"], float):
        raise UserError("does not say its test accuracy")
    return metadata


def build_model(state_dict):
    """SimpleCNN in eval mode with the weights of `state_dict`."""
    model = SimpleCNN()
    try:
        model.load_state_dict(dict(state_dict))  # a plain one, which has no options
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(f"was made for another architecture: {reason}") from None
    for name, tensor in model.state_dict().items():
        if state_dict[name].dtype != tensor.dtype or not tensor.isfinite().all():
            raise UserError(f"holds other numbers than finite floats in {name}")
        if name.endswith("running_var") and (tensor < 0).any():
            raise UserError(f"holds a negative variance in {name}")
    return model.eval()
