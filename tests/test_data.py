"""MNIST, verified or replaced; the batches of a training."""

import gzip
import hashlib
import socket
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch
from torchvision.datasets import MNIST

from pipeline import data
from pipeline.cli import UserError

IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 7, 0, 0, 0, 28, 0, 0, 0, 28])  # header of 7 images
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 7])


@pytest.fixture
def mirror(tmp_path_factory, monkeypatch):
    """Folder behind MNIST's only mirror, with 7 training and 7 test images."""
    folder = tmp_path_factory.mktemp("mirror")
    resources = []
    for name in data.SHA256:
        header, size = (IMAGES, 784) if "images" in name else (LABELS, 1)
        content = header + bytes(range(7)) * size
        packed = gzip.compress(content)
        (folder / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
        monkeypatch.setitem(data.SHA256, name, hashlib.sha256(content).hexdigest())

    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(MNIST, "mirrors", [address])
        yield folder
        server.shutdown()


def test_mnist_is_downloaded_into_whole_tensors_and_verified(mirror, tmp_path):
    for train in (True, False):
        images, labels = data.load_mnist(tmp_path, train)
        assert images.shape == (7, 1, 28, 28)
        assert torch.equal(images[0, 0, 0, :3], torch.tensor([0, 1, 2]) / 255)
        assert labels.dtype == torch.int64
        assert labels.tolist() == list(range(7))

    for name in reversed(data.SHA256):  # the first damaged one is named
        path = tmp_path / data.RAW / name
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")
        for dataset in ("auto", "mnist"):
            with pytest.raises(UserError, match=f"{name} is damaged.*delete it"):
                data.load_dataset(dataset, tmp_path)


def test_failed_download_leaves_no_files_and_strokes_stand_in(
    mirror, tmp_path, monkeypatch, capsys
):
    (mirror / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setattr(data, "STROKES_TRAIN", (20, 1))
    name, (images, _), _ = data.load_dataset("auto", tmp_path)
    assert (name, len(images)) == ("strokes", 20)
    assert "(HTTP Error 404: File not found): the built-in" in capsys.readouterr().out
    assert {path.suffix for path in (tmp_path / data.RAW).iterdir()} == {".gz"}
    with pytest.raises(ConnectionError, match="404"):
        data.load_dataset("mnist", tmp_path)


def test_stalled_download_is_given_up(tmp_path, monkeypatch):
    server = socket.create_server(("127.0.0.1", 0))  # takes calls, and never answers
    mirror = f"http://127.0.0.1:{server.getsockname()[1]}/"
    monkeypatch.setattr(MNIST, "mirrors", [mirror])
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(data, "STALL_SECONDS", 0.2)
    with server, pytest.raises(ConnectionError, match=r"\(timed out\)"):
        data.load_mnist(tmp_path)
    assert socket.getdefaulttimeout() is None
