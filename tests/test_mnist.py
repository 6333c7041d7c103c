"""MNIST is downloaded by torchvision, verified and read."""

import errno
import gzip
import hashlib
import socket
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from unittest.mock import Mock

import pytest
import torch
from torchvision.datasets import MNIST

from pipeline import data, mnist
from pipeline.cli import UserError

IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 7, 0, 0, 0, 28, 0, 0, 0, 28])  # header of 7 images
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 7])
LAST = "t10k-labels-idx1-ubyte"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Folder behind MNIST's only mirror, with 7 training and 7 test images."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name in mnist.SHA256:
        header, size = (IMAGES, 784) if "images" in name else (LABELS, 1)
        content = header + bytes(range(7)) * size
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        monkeypatch.setitem(mnist.SHA256, name, hashlib.sha256(content).hexdigest())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(MNIST, "resources", [(f"{n}.gz", None) for n in mnist.SHA256])
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=[0.01]).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(MNIST, "mirrors", [address])
        yield folder
        server.shutdown()


def test_mnist_is_downloaded_and_verified_at_each_reading(mirror):
    for train in (True, False):
        images, labels = mnist.load_mnist(train)
        assert images.shape == (7, 1, 28, 28)
        assert torch.equal(images[0, 0, 0, :3], torch.tensor([0, 1, 2]) / 255)
        assert labels.tolist() == list(range(7))
    path = mnist.RAW / LAST
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(UserError, match=f"{LAST} is damaged.*delete it"):
        mnist.load_mnist(train=False)


def test_archives_on_disk_are_unpacked_without_a_network(mirror):
    mnist.RAW.parent.mkdir(parents=True)
    mirror.rename(mnist.RAW)
    assert len(mnist.load_mnist()[0]) == 7


def test_failed_download_is_replaced_by_synthetic_digits(mirror, monkeypatch, capsys):
    (mirror / f"{LAST}.gz").unlink()
    monkeypatch.setattr(data, "DEFAULT", "mnist")
    monkeypatch.setattr(data, "SYNTHETIC_TRAIN", {"n": 20, "seed": 1})
    monkeypatch.setattr(data, "load_split", data.load_split.__wrapped__)  # no cache
    name, (images, _), _ = data.load_dataset("auto")
    assert (name, len(images)) == ("synthetic", 20)
    assert "(HTTP Error 404: File not found): synthetic" in capsys.readouterr().out
    with pytest.raises(ConnectionError, match="404"):
        data.load_dataset("default")


def test_full_disk_and_broken_download_are_told_apart(mirror, monkeypatch):
    full = OSError(errno.ENOSPC, "disk full", "data")
    errors = Mock(side_effect=[full, EOFError("\x1b[31m")])
    monkeypatch.setattr("torchvision.datasets.MNIST", errors)
    with pytest.raises(OSError, check=lambda error: error is full):
        mnist.load_mnist()
    with pytest.raises(ConnectionError, match=r"be downloaded \(\?\[31m\)"):
        mnist.load_mnist()


def test_stalled_download_is_stopped(mirror, monkeypatch):
    monkeypatch.setattr(mnist, "STALL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:  # it never answers
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr(MNIST, "mirrors", [address])
        with pytest.raises(ConnectionError, match="timed out"):
            mnist.load_mnist()
    assert socket.getdefaulttimeout() is None
