"""MNIST, downloaded, verified and read; who has another data set deletes this file."""

import gzip
import hashlib
import socket
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from torchvision.datasets import MNIST

from pipeline import data, mnist
from pipeline.cli import UserError

IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 7, 0, 0, 0, 28, 0, 0, 0, 28])  # header of 7 images
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 7])
LAST = "t10k-labels-idx1-ubyte.gz"


@pytest.fixture
def mirror(tmp_path_factory, monkeypatch):
    """Folder behind MNIST's only mirror, with 7 training and 7 test images."""
    folder = tmp_path_factory.mktemp("mirror")
    for name in mnist.SHA256:
        header, size = (IMAGES, 784) if "images" in name else (LABELS, 1)
        content = header + bytes(range(7)) * size
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        monkeypatch.setitem(mnist.SHA256, name, hashlib.sha256(content).hexdigest())
    resources = [(f"{name}.gz", None) for name in mnist.SHA256]  # without a sum
    monkeypatch.setattr(data, "DEFAULT", "mnist")
    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=[0.01]).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(MNIST, "mirrors", [address])
        yield folder
        server.shutdown()


def check_sets(folder):
    for train in (True, False):
        images, labels = mnist.load_mnist(folder, train)
        assert images.shape == (7, 1, 28, 28)
        assert torch.equal(images[0, 0, 0, :3], torch.tensor([0, 1, 2]) / 255)
        assert labels.tolist() == list(range(7))


def test_mnist_is_downloaded_into_whole_tensors_and_verified(mirror, tmp_path):
    check_sets(tmp_path)
    assert not mnist.missing_files(tmp_path)
    for name in reversed(mnist.SHA256):  # the first damaged one is named
        path = tmp_path / mnist.RAW / name
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")
        with pytest.raises(UserError, match=f"{name} is damaged.*delete it"):
            data.load_dataset("auto", tmp_path)  # and no stand-in hides it


def test_packed_files_are_read_where_nothing_can_be_written(
    mirror, tmp_path, monkeypatch
):
    monkeypatch.setattr(mnist, "RAW", mirror)
    monkeypatch.delattr(mnist, "download")  # not to be reached
    check_sets(tmp_path)
    content = (mirror / LAST).read_bytes()
    for damaged in (content[:-9], content[:10] + b"\xff", b"<html>"):
        (mirror / LAST).write_bytes(damaged)
        with pytest.raises(UserError, match=f"{LAST} is damaged.*delete it"):
            mnist.load_mnist(tmp_path, train=False)


def test_failed_download_leaves_what_was_there_and_strokes_stand_in(
    mirror, tmp_path, monkeypatch, capsys
):
    (mirror / LAST).unlink()
    there = tmp_path / mnist.RAW / "train-images-idx3-ubyte.gz"
    there.parent.mkdir(parents=True)
    there.touch()
    monkeypatch.setattr(data, "SYNTHETIC_TRAIN", (20, 1))
    name, (images, _), _ = data.load_dataset("auto", tmp_path)
    assert (name, len(images)) == ("synthetic", 20)
    assert "(HTTP Error 404: File not found): the built-in" in capsys.readouterr().out
    assert list(there.parent.iterdir()) == [there]
    with pytest.raises(ConnectionError, match="404"):
        data.load_dataset("mnist", tmp_path)


@pytest.mark.parametrize(
    ("error", "raised"),
    [(EOFError("\x1b"), ConnectionError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_download_that_breaks_off_leaves_nothing(error, raised, tmp_path, monkeypatch):
    def fetch(folder, download):
        Path(folder, mnist.RAW).mkdir(parents=True)
        Path(folder, mnist.RAW, LAST).touch()
        raise error

    monkeypatch.setattr("torchvision.datasets.MNIST", fetch)
    with pytest.raises(raised) as told:
        mnist.load_mnist(tmp_path)
    assert "\x1b" not in str(told.value)
    assert not list((tmp_path / mnist.RAW).iterdir())


def test_stalled_download_is_given_up(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "STALL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:  # that never answers
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr(MNIST, "mirrors", [address])
        with pytest.raises(ConnectionError, match=r"\(timed out\)"):
            mnist.load_mnist(tmp_path)
    assert socket.getdefaulttimeout() is None
