"""Checkpoints: saved whole or not at all, found by name, loaded without trust."""

import hashlib
import io
import os
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from pipeline.cli import UserError, printable, writing
from pipeline.untrusted import check_record, fill, read_archive, read_file

NAME = "model_%Y%m%d_%H%M%S.pth"  # in UTC, which no change of the clocks reorders
NAME_PATTERN = f"model_{8 * '[0-9]'}_{6 * '[0-9]'}.pth"
CLOCK_TOLERANCE = timedelta(days=2)  # between clocks, and for names in local time


class Checkpoint(NamedTuple):
    """A file, the record of its training, and the model."""

    path: Path
    size: int  # bytes
    sha256: str
    metadata: dict
    model: nn.Module


def save_checkpoint(model, metadata, folder="."):
    """Write `model` to a new file in `folder`, and return its path.

    The name is the time, and later than any other there. `metadata` says how the weights
    came about: numbers, strings and lists of them by name. Raises OSError, and then
    leaves no file.
    """
    buffer = io.BytesIO()
    torch.save({"metadata": metadata, "state_dict": model.state_dict()}, buffer)
    now, latest = datetime.now(UTC), latest_name()
    others = [path.name for path in Path(folder).glob(NAME_PATTERN)]
    newest = max((name for name in others if name <= latest), default="")
    for seconds in count():
        path = Path(folder, (now + timedelta(seconds=seconds)).strftime(NAME))
        if path.name <= newest:
            continue
        partial = path.with_suffix(".partial")
        try:
            file = partial.open("xb")  # whoever creates this file owns the name `path`
        except FileExistsError:
            continue
        try:
            with writing(path), file:
                file.write(buffer.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            if not path.exists():
                return partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def latest_name():
    """The latest name that a checkpoint can have now, by any clock."""
    return (datetime.now(UTC) + CLOCK_TOLERANCE).strftime(NAME)


def find_checkpoints(folder="."):
    """Paths of all checkpoints, oldest first by their names; raises UserError."""
    folder = Path(folder).resolve()
    paths = sorted(folder.glob(NAME_PATTERN))
    if not paths:
        raise UserError(f"no checkpoint in {folder}: run `python train.py` first")
    if paths[-1].name > latest_name():
        raise UserError(f"{paths[-1]} has a time in the future: move it away")
    return paths


def load_checkpoint(network, path=None):
    """Checkpoint of a file, with its weights in `network`, in eval mode.

    `network` may also be a class such as SimpleCNN, called with the number of classes.
    Never runs code from the file. Raises UserError when it cannot be read, is damaged,
    has no sound record, or does not fit the network.
    """
    path = Path(path or find_checkpoints()[-1])
    try:
        content = read_file(path)
        metadata, state_dict = read_archive(content)
        check_record(metadata)
        if not isinstance(network, nn.Module):
            network = network(len(metadata["classes"]))
        fill(network, state_dict)
    except UserError as error:  # it may quote the file, and so hold anything
        advice = "`python train.py` makes a new one"
        raise UserError(f"{path} {printable(str(error))}: {advice}") from None
    sha256 = hashlib.sha256(content).hexdigest()
    return Checkpoint(path, len(content), sha256, metadata, network.eval())
