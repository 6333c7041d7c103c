"""MNIST: downloaded by torchvision, verified, and read as whole tensors."""

import errno
import hashlib
import socket
from pathlib import Path

import torch

from pipeline.cli import UserError, printable

DATA = Path("data")
RAW = DATA / "MNIST" / "raw"  # torchvision puts the files here
SHA256 = {  # of the unpacked files
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
STALL_SECONDS = 5  # a download that sends no data for this long is stopped
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}


def load_mnist(train=True):
    """Return images (N, 1, 28, 28) float in [0, 1] and labels (N,) int64 of MNIST.

    Missing files are downloaded first. Raises UserError for a damaged file,
    ConnectionError if the download fails, OSError if the files cannot be written.
    """
    if not all(Path(RAW, name).exists() for name in SHA256):
        download()
    prefix = "train" if train else "t10k"
    images = read_verified(f"{prefix}-images-idx3-ubyte", header=16)
    labels = read_verified(f"{prefix}-labels-idx1-ubyte", header=8)
    return images.view(-1, 1, 28, 28) / 255, labels.long()


def read_verified(name, header):
    """Return the values (n,) uint8 of a file after its header; raise UserError if damaged."""
    path = Path(RAW, name)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise UserError(f"{path} is damaged (wrong SHA-256): delete it and run again")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=header)


def download():
    """Let torchvision download and unpack the files that are missing."""
    from torchvision.datasets import MNIST  # imported here, because it takes a second

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)  # torchvision itself would wait forever
    try:
        MNIST(DATA, download=True)
    except Exception as error:  # a broken mirror can raise any exception
        if getattr(error, "errno", None) in DISK_ERRORS:
            raise
        last_line = str(error).strip().split("\n")[-1]
        reason = printable(last_line.strip("<>")) or type(error).__name__
        advice = f"try again, or put its .gz files into {RAW}"
        problem = f"MNIST could not be downloaded ({reason})"
        raise ConnectionError(f"{problem}: {advice}") from None
    finally:
        socket.setdefaulttimeout(timeout)
