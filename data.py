"""MNIST as whole tensors, read straight from its four files and checked against their published sums."""

import contextlib
import hashlib
import threading
from pathlib import Path

import numpy as np
import torch

RAW = Path("MNIST", "raw")  # where torchvision keeps the files inside its root folder
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
STALL_SECONDS = 8  # a download that brings no byte for so long is given up


class DataError(Exception):
    """MNIST is missing or damaged; the message names the file, the reason and the cure."""


def load_mnist(data_dir="data"):
    """Training and test set, each a pair: images (N, 1, 28, 28) uint8 and labels (N,) int64.

    Files that are not in `data_dir`/MNIST/raw are downloaded. Raises DataError when that fails or a file is damaged.
    """
    folder = Path(data_dir, RAW)
    if missing := [folder / name for name in SHA256 if not (folder / name).exists()]:
        _download(data_dir, missing)
    train_images, train_labels, test_images, test_labels = (
        _read(folder / name) for name in SHA256
    )
    return (train_images, train_labels), (test_images, test_labels)


def _read(path):
    """Images or labels from one IDX file, as their magic number says; raises DataError."""
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != SHA256[path.name]:
        raise DataError(
            f"{path} is damaged (its SHA-256 is not {SHA256[path.name]}): delete it and run again"
        )
    if "images" in path.name:
        return torch.from_numpy(content[16:]).view(-1, 1, 28, 28)
    return torch.from_numpy(content[8:]).long()


def _download(data_dir, missing):
    """Have torchvision fetch and unpack MNIST; raises DataError when that fails or stalls, leaving no file of `missing`."""
    from torchvision.datasets import MNIST  # takes over a second to import

    failures = []

    def fetch():
        try:
            MNIST(data_dir, download=True)
        except (OSError, RuntimeError, ValueError) as error:
            failures.append(" ".join(str(error).split()))

    def bytes_on_disk():
        return sum(path.stat().st_size for path in Path(data_dir, RAW).glob("*"))

    worker = threading.Thread(
        target=fetch, daemon=True
    )  # a connection attempt cannot be interrupted, only abandoned
    try:
        worker.start()
        while worker.is_alive() and not failures:
            before = bytes_on_disk()
            worker.join(STALL_SECONDS)
            if worker.is_alive() and bytes_on_disk() == before:
                failures.append(f"no byte arrived for {STALL_SECONDS} seconds")
        if failures:
            raise DataError(
                f"MNIST could not be downloaded to {data_dir} ({failures[0]})"
            )
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
