"""The files of MNIST: downloaded, verified, and read as whole tensors."""

import gzip
import hashlib
import socket
import zlib
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from pipeline.cli import UserError, printable

RAW = Path("MNIST", "raw")  # where torchvision keeps the files inside its root folder
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
STALL_SECONDS = 5  # for which an address may say nothing before it is given up


def load_mnist(data_dir="data", train=True):
    """Training or test set of MNIST; where a file is missing, all are downloaded.

    The files are in `data_dir`/MNIST/raw, each unpacked or as the .gz that it came in.
    """
    if missing_files(data_dir):
        download(data_dir)
    names = list(SHA256)[:2] if train else list(SHA256)[2:]
    images, labels = (read_verified(find(data_dir, name)) for name in names)
    return images, labels


def find(data_dir, name):
    """Path of a file of MNIST, if it is on disk, of its .gz otherwise."""
    path = Path(data_dir, RAW, name)
    return path if path.exists() else path.with_suffix(".gz")


def missing_files(data_dir="data"):
    """Paths of those files of MNIST that are not on disk."""
    paths = [find(data_dir, name) for name in SHA256]
    return [path for path in paths if not path.exists()]


def read_verified(path):
    """Images or labels from one of the four files; raises UserError."""
    if not path.is_file():  # a pipe would be waited for
        raise UserError(f"{path} is not a file: remove it and run again")
    content = path.read_bytes()
    if path.suffix == ".gz":
        with suppress(EOFError, OSError, zlib.error):  # which the sum will tell
            content = gzip.decompress(content)
    if hashlib.sha256(content).hexdigest() != SHA256[path.stem]:
        raise UserError(f"{path} is damaged (wrong SHA-256): delete it and run again")
    header = 16 if "images" in path.name else 8  # bytes
    values = torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=header)
    return values.view(-1, 1, 28, 28) / 255 if header == 16 else values.long()


def download(data_dir):
    """Have torchvision fetch MNIST; raises ConnectionError, and then leaves no file."""
    from torchvision.datasets import MNIST  # takes over a second to import

    raw, timeout = Path(data_dir, RAW), socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)  # torchvision itself waits forever
    try:
        raw.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=raw) as folder:
            MNIST(folder, download=True)
            for path in Path(folder, RAW).iterdir():
                path.replace(raw / path.name)
    except Exception as error:  # noqa: BLE001 - a broken mirror raises anything
        reason = str(error).strip().rpartition("\n")[2].strip("<>")
        reason = printable(reason) or type(error).__name__
        message = f"MNIST could not be downloaded to {data_dir} ({reason})"
        raise ConnectionError(message) from None
    finally:
        socket.setdefaulttimeout(timeout)
