"""MNIST is downloaded and unpacked by torchvision, verified and read."""

import errno
import gzip
import hashlib
import socket
from unittest.mock import Mock

import pytest
import torch
from torchvision.datasets import MNIST

from pipeline import data, mnist
from pipeline.cli import UserError

IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 7, 0, 0, 0, 28, 0, 0, 0, 28])  # header of 7 images
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 7])
LAST = "t10k-labels-idx1-ubyte"


@pytest.fixture(autouse=True)
def archives(tmp_path, monkeypatch):
    """Put small archives of MNIST into an empty folder. Nothing can be downloaded."""
    monkeypatch.chdir(tmp_path)
    mnist.RAW.mkdir(parents=True)
    for name in mnist.SHA256:
        header, size = (IMAGES, 784) if "images" in name else (LABELS, 1)
        content = header + bytes(range(7)) * size
        (mnist.RAW / f"{name}.gz").write_bytes(gzip.compress(content))
        monkeypatch.setitem(mnist.SHA256, name, hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(MNIST, "resources", [(f"{n}.gz", None) for n in mnist.SHA256])
    monkeypatch.setattr(MNIST, "mirrors", ["file:///"])


def test_archives_are_unpacked_without_a_network_and_verified():
    for train in (True, False):
        images, labels = mnist.load_mnist(train)
        assert images.shape == (7, 1, 28, 28)
        assert torch.equal(images[0, 0, 0, :3], torch.tensor([0, 1, 2]) / 255)
        assert labels.tolist() == list(range(7))
    (mnist.RAW / LAST).write_bytes(LABELS + bytes(7))
    with pytest.raises(UserError, match=f"{LAST} is damaged.*delete it"):
        mnist.load_mnist(train=False)


def test_failed_download_is_replaced_by_synthetic_digits(monkeypatch, capsys):
    (mnist.RAW / f"{LAST}.gz").unlink()
    monkeypatch.setattr(data, "DEFAULT", "mnist")
    monkeypatch.setattr(data, "SYNTHETIC_TRAIN", {"n": 20, "seed": 1})
    monkeypatch.setattr(data, "SYNTHETIC_TEST", {"n": 10, "seed": 2})
    monkeypatch.setattr(data, "load_split", data.load_split.__wrapped__)  # no cache
    name, (images, _), (test_images, _) = data.load_dataset("auto")
    assert (name, len(images), len(test_images)) == ("synthetic", 20, 10)
    assert "MNIST could not be downloaded" in capsys.readouterr().out
    with pytest.raises(ConnectionError):
        data.load_dataset("default")


def test_full_disk_and_broken_download_are_told_apart(monkeypatch):
    full = OSError(errno.ENOSPC, "disk full", "data")
    errors = Mock(side_effect=[full, EOFError("\x1b[31m")])
    monkeypatch.setattr("torchvision.datasets.MNIST", errors)
    with pytest.raises(OSError, match="^.Errno 28. disk full"):
        mnist.load_mnist()
    with pytest.raises(ConnectionError, match=r"be downloaded \(\?\[31m\)"):
        mnist.load_mnist()


def test_stalled_download_is_stopped(monkeypatch):
    (mnist.RAW / f"{LAST}.gz").unlink()
    monkeypatch.setattr(mnist, "STALL_SECONDS", 0.2)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:  # it never answers
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr(MNIST, "mirrors", [address])
        with pytest.raises(ConnectionError, match="timed out"):
            mnist.load_mnist()
    assert socket.getdefaulttimeout() is None
