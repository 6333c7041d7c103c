"""MNIST, verified or replaced; the batches of a training."""

import gzip
import hashlib
import socket
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch
from torchvision.datasets import MNIST

import data
from errors import UserError
from train import Recipe

FEW = Recipe(batch_size=16)


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """Folder of 7 training and 7 test images that `data` takes for MNIST."""
    folder = tmp_path / "tiny" / data.RAW
    folder.mkdir(parents=True)
    for name in data.SHA256:
        header, values = (2049, 7), bytes(range(7))
        if "images" in name:
            header, values = (2051, 7, 28, 28), bytes(i % 256 for i in range(7 * 784))
        content = b"".join(number.to_bytes(4, "big") for number in header) + values
        (folder / name).write_bytes(content)
        monkeypatch.setitem(data.SHA256, name, hashlib.sha256(content).hexdigest())
    return tmp_path / "tiny"


@pytest.fixture
def mirror(tiny_mnist, monkeypatch):
    """Folder behind MNIST's only mirror, with the packed `tiny_mnist`."""
    folder = tiny_mnist.parent / "mirror"
    folder.mkdir()
    resources = []
    for path in (tiny_mnist / data.RAW).iterdir():
        packed = gzip.compress(path.read_bytes())
        (folder / f"{path.name}.gz").write_bytes(packed)
        resources.append((f"{path.name}.gz", hashlib.md5(packed).hexdigest()))

    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(MNIST, "mirrors", [address])
        yield folder
        server.shutdown()


def test_mnist_is_downloaded_and_comes_back_as_whole_tensors(mirror, tmp_path):
    for images, labels in data.load_mnist(tmp_path / "new"):
        assert images.shape == (7, 1, 28, 28)
        assert images.dtype == torch.float32
        assert torch.equal(images[0, 0, 0, :3], torch.tensor([0, 1, 2]) / 255)
        assert labels.dtype == torch.int64
        assert labels.tolist() == list(range(7))


@pytest.mark.parametrize("name", list(data.SHA256))
def test_damaged_file_is_named_and_no_reason_to_switch(tiny_mnist, name):
    path = tiny_mnist / data.RAW / name
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    for dataset in ("auto", "mnist"):
        with pytest.raises(UserError, match=f"{name} is damaged.*delete it"):
            data.load_dataset(dataset, tiny_mnist)


def test_failed_download_leaves_no_files_and_strokes_stand_in(
    mirror, tmp_path, monkeypatch, capsys
):
    (mirror / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setattr(data, "STROKES_TRAIN", (20, 1))
    name, (images, _), _ = data.load_dataset("auto", tmp_path / "new")
    assert (name, len(images)) == ("strokes", 20)
    assert "404: File not found): the built-in" in capsys.readouterr().out
    raw = tmp_path / "new" / data.RAW
    assert not [path for path in raw.iterdir() if path.suffix != ".gz"]
    with pytest.raises(ConnectionError, match="404"):
        data.load_dataset("mnist", tmp_path / "new")


def test_stalled_download_is_given_up(tmp_path, monkeypatch):
    server = socket.create_server(("127.0.0.1", 0))  # takes calls, and never answers
    mirror = f"http://127.0.0.1:{server.getsockname()[1]}/"
    monkeypatch.setattr(MNIST, "mirrors", [mirror])
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(data, "STALL_SECONDS", 0.2)
    with server, pytest.raises(ConnectionError, match="timed out"):
        data.load_mnist(tmp_path)
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize(("n", "steps"), [(5, 1), (16, 1), (17, 1), (47, 2), (48, 3)])
def test_batches_are_whole_and_each_epoch_shuffles_anew(n, steps):
    images, labels = torch.zeros(n, 1, 28, 28), torch.arange(n)
    recipe = replace(FEW, epochs=2)
    batches = data.augmented_batches(images, labels, recipe, 2 * steps)
    drawn = [targets.tolist() for _, targets in data.prefetched(batches)]
    assert list(map(len, drawn)) == 2 * steps * [min(n, 16)]
    assert len({i for indices in drawn[:steps] for i in indices}) == steps * min(n, 16)
    assert drawn[:steps] != drawn[steps:]


def test_warps_weaken_from_batch_to_batch(monkeypatch):
    monkeypatch.setattr(data, "augment", lambda pixels, recipe, strength, _: strength)
    images = torch.zeros(64, 1, 28, 28)
    recipe = replace(FEW, epochs=2)
    batches = data.augmented_batches(images, torch.arange(64), recipe, 8)
    strengths = [strength for strength, _ in batches]
    assert strengths == pytest.approx([1 - 0.5 * i / 8 for i in range(8)])


def test_error_in_the_second_thread_is_raised():
    def batches():
        yield "batch"
        raise MemoryError("in the thread")

    with pytest.raises(MemoryError, match="in the thread"):
        list(data.prefetched(batches()))
