"""The network; its checkpoints, saved whole or not at all and loaded without trust."""

import io
import os
import pickle
import zipfile
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

PARAMETERS = 6936  # 6,986 in training, with batch normalization
CHECKPOINT_NAME = "model_%Y%m%d_%H%M%S.pth"
CHECKPOINT_KEYS = {"metadata", "state_dict"}


class CheckpointError(Exception):
    """A checkpoint is missing or unusable; the message says which, why, and the cure."""


class SimpleCNN(nn.Module):
    """Digit classifier: (N, 1, 28, 28) float pixels in [0, 1] to (N, 10) logits.

    Training adds batch normalization, which `fold` then works into the weights.
    """

    def __init__(self, batch_norm=False):
        super().__init__()
        bias = not batch_norm  # batch normalization brings its own
        self.conv1 = nn.Conv2d(1, 8, 6, stride=2)
        self.conv2 = nn.Conv2d(8, 32, 4, bias=bias)
        self.fc1 = nn.Linear(128, 18, bias=bias)
        self.fc2 = nn.Linear(18, 10)
        self.norm2 = nn.BatchNorm2d(32) if batch_norm else nn.Identity()
        self.norm3 = nn.BatchNorm1d(18) if batch_norm else nn.Identity()
        if batch_norm:  # its slope stays positive: see `fold`; the next layer can scale
            self.norm2.weight.requires_grad_(False)
            self.norm3.weight.requires_grad_(False)
        self.to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def forward(self, images):
        x = F.layer_norm(images, images.shape[1:])  # contrast and brightness drop out
        x = F.relu(F.max_pool2d(self.conv1(x), 2, stride=1))  # (N, 8, 11, 11)
        x = F.relu(self.norm2(F.max_pool2d(self.conv2(x), 4)))  # (N, 32, 2, 2)
        x = F.relu(self.norm3(self.fc1(x.flatten(1))))  # (N, 18)
        return self.fc2(x)

    def fold(self):
        """The same network in eval mode without batch normalization.

        A positive slope can move from behind a max-pool to before it.
        """
        self.eval()
        folded = SimpleCNN().eval()
        folded.conv1, folded.fc2 = self.conv1, self.fc2
        folded.conv2 = fuse_conv_bn_eval(self.conv2, self.norm2)
        folded.fc1 = fuse_linear_bn_eval(self.fc1, self.norm3)
        return folded


def save_checkpoint(model, metadata, folder="."):
    """Write `model` to a new file in `folder`, named by the time, and return its path.

    `metadata`, plain values, says how the weights came about. Raises OSError, and then
    leaves no file.
    """
    buffer = io.BytesIO()
    torch.save({"metadata": metadata, "state_dict": model.state_dict()}, buffer)
    now = datetime.now()
    for seconds in count():
        path = Path(
            folder, (now + timedelta(seconds=seconds)).strftime(CHECKPOINT_NAME)
        )
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
    """Paths of all checkpoints in `folder`, oldest first by the time in their names."""

    def is_checkpoint(name):
        try:
            return (
                datetime.strptime(name, CHECKPOINT_NAME).strftime(CHECKPOINT_NAME)
                == name
            )
        except ValueError:
            return False

    return sorted(path for path in Path(folder).iterdir() if is_checkpoint(path.name))


def newest_checkpoint(folder=".", skip=0):
    """Path of the newest checkpoint in `folder` but `skip`; raises CheckpointError."""
    paths = find_checkpoints(folder)
    if len(paths) <= skip:
        raise CheckpointError(
            f"no checkpoint in {Path(folder).resolve()}: run `python train.py` first"
        )
    return paths[-1 - skip]


def load_checkpoint(path):
    """SimpleCNN in eval mode, with the record of its training in `model.metadata`.

    Never runs code from the file. Raises CheckpointError when it cannot be read, is
    damaged, is not a checkpoint, or does not fit SimpleCNN.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path} cannot be read: it is not a file")
    try:
        content = path.read_bytes()
        checkpoint = _read_checkpoint(content)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}): run `python train.py`"
        ) from None
    except ValueError as error:
        raise CheckpointError(
            f"{path} {error}: delete it and run `python train.py`"
        ) from None
    model = SimpleCNN()
    model.load_state_dict(checkpoint["state_dict"])
    model.metadata = checkpoint["metadata"]
    return model.eval()


def _read_checkpoint(content):
    """Checkpoint dict from the bytes of a file; raises ValueError with what is wrong."""
    if not content:
        raise ValueError("is empty")
    file = io.BytesIO(content)
    try:  # torch.load itself checks no CRC
        damaged = zipfile.ZipFile(file).testzip()
    except Exception:  # noqa: BLE001 - a strange archive raises whatever it leads to
        raise ValueError("is truncated or not a checkpoint") from None
    if damaged:
        raise ValueError(f"is damaged in {damaged}")
    file.seek(0)
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError("holds more than tensors and plain values") from None
    except Exception:  # noqa: BLE001 - a strange pickle raises whatever it leads to
        raise ValueError("is not a checkpoint") from None
    if not _has_our_structure(checkpoint):
        raise ValueError("is not a checkpoint of train.py")

    found, expected = checkpoint["state_dict"], SimpleCNN().state_dict()
    if differing := _layout(found).items() ^ _layout(expected).items():
        name = min(str(name) for name, _ in differing)
        raise ValueError(f"was made for another architecture (it differs in {name})")
    if broken := [name for name, value in found.items() if not value.isfinite().all()]:
        raise ValueError(f"holds NaN or infinite weights in {broken[0]}")
    return checkpoint


def _has_our_structure(checkpoint):
    """Whether this is {"metadata": plain values by name, "state_dict": a dict}."""
    if not isinstance(checkpoint, dict) or checkpoint.keys() != CHECKPOINT_KEYS:
        return False
    metadata, state_dict = checkpoint["metadata"], checkpoint["state_dict"]
    return (
        isinstance(metadata, dict)
        and all(isinstance(key, str) for key in metadata)
        and all(isinstance(value, str | int | float) for value in metadata.values())
        and isinstance(state_dict, dict)
    )


def _layout(state_dict):
    """What must agree before weights are copied, by name; None for what is no tensor."""
    return {
        name: (value.shape, value.dtype, value.layout, value.device)
        if isinstance(value, torch.Tensor)
        else None
        for name, value in state_dict.items()
    }
