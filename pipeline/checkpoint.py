"""Save, find and load checkpoints.

If writing fails, no half-written file is left. Loading a file never runs code from it.
"""

import hashlib
import io
import time
import zipfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from pipeline.cli import UserError, printable, write_file
from pipeline.data import DATASETS

# The time is in UTC, because local time may go back by an hour.
NAME = "model_%Y%m%d_%H%M%S.pth"
NAME_PATTERN = f"model_{8 * '[0-9]'}_{6 * '[0-9]'}.pth"
METADATA_BYTES = 1_000_000  # largest file: 2 * bytes of the weights + METADATA_BYTES
METADATA_TYPES = {"dataset": str, "classes": list, "test_accuracy": float}


class Checkpoint(NamedTuple):
    """A loaded file: what it says about its training, and the model in eval mode."""

    path: Path
    size: int  # bytes
    sha256: str
    metadata: dict
    model: nn.Module


def save_checkpoint(model, metadata, folder="."):
    """Write `model` to a new file in `folder`, named by the time, and return its path.

    `metadata` describes the training: at least dataset (str), classes (list of str) and
    test_accuracy (float, percent). If writing fails, it raises OSError and
    leaves no file.
    """
    buffer = io.BytesIO()
    torch.save({"metadata": metadata, "state_dict": model.state_dict()}, buffer)
    while True:
        path = Path(folder, datetime.now(UTC).strftime(NAME))
        lock = path.with_suffix(".partial")
        with suppress(FileExistsError):
            lock.touch(exist_ok=False)  # This fails if another process uses the name.
            try:
                if not path.exists():
                    write_file(path, buffer.getvalue())
                    return path
            finally:
                lock.unlink()
        time.sleep(0.1)  # wait for the next second, which has another name


def find_checkpoints(folder="."):
    """Return the paths of all checkpoints in a folder, oldest first.

    Raises UserError if there is none, or if the newest has a later date than tomorrow.
    """
    folder = Path(folder).resolve()
    paths = sorted(folder.glob(NAME_PATTERN))
    if not paths:
        advice = "run `python train.py`, or go to the folder that has one"
        raise UserError(f"no model_YYYYMMDD_HHMMSS.pth in {folder}: {advice}")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    if paths[-1].name > tomorrow.strftime(NAME):  # the names are in the order of time
        problem = "has a date in the future and would stay the newest checkpoint"
        raise UserError(f"{paths[-1]} {problem}: rename or delete it")
    return paths


def load_checkpoint(make_network, path=None):
    """Load the checkpoint at `path`, by default the newest one in the current folder.

    `make_network` returns an untrained network for a number of classes. Raises UserError if
    the file is damaged, too large, incomplete, or does not fit the network; OSError if it
    cannot be read.
    """
    path = Path(path) if path else find_checkpoints()[-1]
    largest = make_network(max(len(dataset.classes) for dataset in DATASETS.values()))
    weights = sum(tensor.nbytes for tensor in largest.state_dict().values())
    try:
        content, metadata, state_dict = read_file(path, 2 * weights + METADATA_BYTES)
        check_metadata(metadata)
        model = make_network(len(metadata["classes"]))
        load_weights(model, state_dict)
    except UserError as error:  # the message may quote text from the file
        advice = "use another checkpoint, or make one with `python train.py`"
        raise UserError(f"{path} {printable(str(error))}: {advice}") from None
    sha256 = hashlib.sha256(content).hexdigest()
    return Checkpoint(path, len(content), sha256, metadata, model.eval())


def read_file(path, limit):
    """Return bytes, metadata and state_dict of a file of at most `limit` bytes.

    Raises UserError.
    """
    if not path.is_file():
        raise UserError("is not a file" if path.exists() else "does not exist")
    if path.stat().st_size > limit:
        raise UserError(f"is larger than {limit:,} bytes")
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # A small archive can unpack to many gigabytes. testzip compares the CRCs.
            unpacked = sum(part.file_size for part in archive.infolist())
            if unpacked > limit or archive.testzip():
                raise ValueError("the archive is damaged")
        saved = torch.load(io.BytesIO(content), weights_only=True)
        return content, saved["metadata"], saved["state_dict"]
    except Exception as error:  # a damaged file can raise any exception
        raise UserError("is damaged or not a checkpoint of train.py") from error


def check_metadata(metadata):
    """Raise UserError unless the metadata has the fields that other modules use."""
    if not isinstance(metadata, dict):
        raise UserError("has no valid metadata")
    for name, kind in METADATA_TYPES.items():
        if not isinstance(metadata.get(name), kind):
            raise UserError(f"has no valid {name} in its metadata")
    if not all(isinstance(name, str) for name in metadata["classes"]):
        raise UserError("has classes that are not text")
    if metadata["dataset"] not in DATASETS:
        raise UserError(f"was trained on an unknown data set, {metadata['dataset']}")


def load_weights(model, state_dict):
    """Load weights into a model; raise UserError if they do not fit or are not finite."""
    try:
        model.load_state_dict(state_dict)
    except Exception as error:  # noqa: BLE001 - the file may hold anything
        reason = str(error).splitlines()[-1].strip(" \t.")
        raise UserError(f"was made for another network ({reason})") from None
    for name, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise UserError(f"has values that are not finite in {name}")
