"""MNIST: downloaded, verified, and replaced by stroke digits where it cannot be had."""

import gzip
import hashlib
import re
import socket
import urllib.request
import urllib.response
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
import torch
from torchvision.datasets import MNIST

import data


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """Folder of 7 training and 7 test images that `data` takes for MNIST."""
    folder = tmp_path / "tiny" / data.RAW
    folder.mkdir(parents=True)
    for name in data.SHA256:
        if "images" in name:
            header, values = (2051, 7, 28, 28), bytes(range(256)) * 22
            values = values[: 7 * 784]
        else:
            header, values = (2049, 7), bytes(range(7))
        content = b"".join(number.to_bytes(4, "big") for number in header) + values
        (folder / name).write_bytes(content)
        monkeypatch.setitem(data.SHA256, name, hashlib.sha256(content).hexdigest())
    return tmp_path / "tiny"


@pytest.fixture
def mirror(tiny_mnist, monkeypatch):
    """Folder that stands for MNIST's only mirror, with the packed `tiny_mnist`."""
    folder = tiny_mnist.parent / "mirror"
    folder.mkdir()
    resources = []
    for path in (tiny_mnist / data.RAW).iterdir():
        packed = gzip.compress(path.read_bytes())
        (folder / f"{path.name}.gz").write_bytes(packed)
        resources.append((f"{path.name}.gz", hashlib.md5(packed).hexdigest()))

    class Server(urllib.request.HTTPHandler):
        def http_open(self, request):
            path = folder / Path(request.selector).name
            if not path.exists():
                raise HTTPError(request.full_url, 404, "File not found", {}, None)
            file = path.open("rb")
            response = urllib.response.addinfourl(file, {}, request.full_url, 200)
            response.msg, response.length = "OK", path.stat().st_size
            return response

    opener = urllib.request.build_opener(Server)
    monkeypatch.setattr(urllib.request, "_opener", opener)
    monkeypatch.setattr(MNIST, "mirrors", ["http://mirror/"])
    monkeypatch.setattr(MNIST, "resources", resources)
    return folder


def test_mnist_comes_back_as_whole_tensors(tiny_mnist):
    for images, labels in data.load_mnist(tiny_mnist):
        assert images.shape == (7, 1, 28, 28)
        assert images.dtype == torch.uint8
        assert images[0, 0, 0, :3].tolist() == [0, 1, 2]
        assert labels.dtype == torch.int64
        assert labels.tolist() == list(range(7))


@pytest.mark.parametrize("name", list(data.SHA256))
def test_damaged_file_is_named(tiny_mnist, name):
    path = tiny_mnist / data.RAW / name
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(data.DataError, match=f"{name} is damaged.*delete it"):
        data.load_mnist(tiny_mnist)


def test_missing_files_are_downloaded(mirror, tmp_path):
    (_, labels), _ = data.load_mnist(tmp_path / "new")
    assert labels.tolist() == list(range(7))


def test_failed_download_leaves_no_files(mirror, tmp_path):
    (mirror / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(data.UnavailableError, match="404"):
        data.load_mnist(tmp_path / "new")
    assert not [
        path for path in (tmp_path / "new" / data.RAW).iterdir() if not path.suffix
    ]


def test_stalled_download_is_given_up(tmp_path, monkeypatch):
    server = socket.create_server(("127.0.0.1", 0))  # takes calls, and never answers
    mirror = f"http://127.0.0.1:{server.getsockname()[1]}/"
    monkeypatch.setattr(MNIST, "mirrors", [mirror])
    monkeypatch.setattr(data, "STALL_SECONDS", 0.2)
    with server, pytest.raises(data.UnavailableError, match="timed out"):
        data.load_mnist(tmp_path)
    assert socket.getdefaulttimeout() is None


def test_auto_announces_that_strokes_stand_in_for_mnist(tmp_path, monkeypatch, capsys):
    def unreachable(self):
        raise URLError("no route")

    monkeypatch.setattr(MNIST, "download", unreachable)
    monkeypatch.setattr(data, "STROKES_TRAIN", (20, 1))
    name, (images, _), _ = data.load_dataset("auto", tmp_path)
    assert (name, len(images)) == ("strokes", 20)
    assert re.search("no route.*stroke digits are used", capsys.readouterr().out)
    with pytest.raises(data.UnavailableError, match="no route"):
        data.load_dataset("mnist", tmp_path)


def test_damaged_mnist_is_no_reason_to_switch(tiny_mnist):
    (tiny_mnist / data.RAW / "t10k-labels-idx1-ubyte").write_bytes(b"")
    for name in ("auto", "mnist"):
        with pytest.raises(data.DataError, match="damaged"):
            data.load_dataset(name, tiny_mnist)
