"""The network's shape; checkpoints saved whole, found by name and loaded without trust."""

import errno
import io
import os
import pickle
import tracemalloc
import zipfile
from datetime import datetime, timedelta

import pytest
import torch

import checkpoint
from model import SimpleCNN

METADATA = {"dataset": "mnist", "test_accuracy": 99.0}


def save(network, folder):
    return checkpoint.save_checkpoint(network, METADATA, folder)


def random_images(n):
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_network_maps_images_to_logits():
    assert SimpleCNN().eval()(random_images(5)).shape == (5, 10)


def test_network_ignores_contrast_and_brightness():
    network, images = SimpleCNN().eval(), random_images(5)
    torch.testing.assert_close(
        network(0.3 + 0.5 * images), network(images), atol=1e-3, rtol=0
    )


def test_checkpoint_brings_back_the_model(tmp_path):
    network = SimpleCNN().eval()
    path = save(network, tmp_path)
    loaded = checkpoint.load_checkpoint(path)
    assert not loaded.model.training
    assert loaded.metadata == METADATA
    assert loaded.size == path.stat().st_size
    assert torch.equal(loaded.model(random_images(5)), network(random_images(5)))


def test_checkpoints_of_one_second_are_all_kept(tmp_path):
    paths = [save(SimpleCNN(), tmp_path) for _ in range(5)]
    assert len(set(paths)) == 5
    assert checkpoint.find_checkpoints(tmp_path) == paths == sorted(tmp_path.iterdir())


def test_a_name_that_another_process_is_writing_is_left_alone(tmp_path):
    now = datetime.now()
    seconds = (now + timedelta(seconds=s) for s in range(5))
    names = [second.strftime(checkpoint.NAME) for second in seconds]
    taken = [(tmp_path / name).with_suffix(".partial") for name in names]
    for path in taken:
        path.touch()
    assert save(SimpleCNN(), tmp_path).name not in names
    assert all(path.exists() and not path.stat().st_size for path in taken)


def test_full_disk_leaves_no_checkpoint(tmp_path, monkeypatch):
    def no_space(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        save(SimpleCNN(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_checkpoints_are_found_by_the_time_in_their_names(tmp_path):
    names = ["model_20251231_235959.pth", "model_20261101_000000.pth"]
    strangers = [
        "model_20261102_000000.pt",
        "model_2026110_000000.pth",
        "my_model_20261102_000000.pth",
        "model_20261102_000000.partial",
        "zebra",
    ]
    for name in names + strangers:
        (tmp_path / name).touch()
    assert [path.name for path in checkpoint.find_checkpoints(tmp_path)] == names


def test_missing_checkpoint_says_how_to_make_one(tmp_path):
    with pytest.raises(checkpoint.CheckpointError, match="run `python train.py`"):
        checkpoint.find_checkpoints(tmp_path)


def test_checkpoint_of_the_future_is_named(tmp_path):
    save(SimpleCNN(), tmp_path)
    (tmp_path / "model_20991231_235959.pth").touch()
    with pytest.raises(checkpoint.CheckpointError, match="20991231.*in the future"):
        checkpoint.find_checkpoints(tmp_path)


class Hostile:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def torch_bytes(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def inflating(good, named_size, method=zipfile.ZIP_DEFLATED):
    """An archive of zeros that unpacks to a gigabyte, whatever its directory says."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("archive/data.pkl", good)
        with archive.open("archive/data/0", "w", force_zip64=True) as file:
            for _ in range(64):
                file.write(bytes(2**20))
        archive.getinfo("archive/data/0").file_size = named_size
    return buffer.getvalue()


def unusable_contents(good, folder):
    """Pairs of the reason why it is refused and the content of a checkpoint file."""
    content = torch.load(io.BytesIO(good), weights_only=True)
    weights = content["state_dict"]
    name, first = next(iter(weights.items()))
    encrypted = bytearray(good)
    encrypted[good.rindex(b"PK\1\2") + 8] |= 1
    flipped = bytearray(good)
    flipped[good.index(first.numpy().tobytes())] ^= 1
    hostile = Hostile(os.mkdir, str(folder / "struck"))
    cases = [
        ("is empty", b""),
        ("truncated", good[:-1000]),
        ("truncated or not a checkpoint", b"hello"),
        ("truncated or not a checkpoint", pickle.dumps(hostile)),
        ("damaged in", bytes(flipped)),
        ("truncated or not a checkpoint", bytes(encrypted)),
        ("larger than", good + bytes(checkpoint.MAX_BYTES)),
        ("would inflate", inflating(good, 64 * 2**20)),
        ("more than tensors.*SimpleCNN", torch_bytes(SimpleCNN())),
        ("not a checkpoint of train.py", torch_bytes(weights)),
        ("not a checkpoint of train.py", torch_bytes([1, 2, 3])),
    ]
    for reason, record in [
        ("more than tensors.*mkdir", METADATA | {"note": hostile}),
        ("more than tensors.*bytearray", METADATA | {"note": bytearray(9)}),
        ("more than strings and numbers", METADATA | {(1,): 2}),
        ("more than strings and numbers", METADATA | {"dataset": ["mnist"]}),
        ("not a checkpoint of train.py", "mnist"),
        ("does not say its test accuracy", {"dataset": "mnist"}),
        ("holds nan as loss", METADATA | {"loss": float("nan")}),
        ("holds inf as loss", METADATA | {"loss": float("inf")}),
        ("not a checkpoint of train.py", METADATA | {"seed": 10**400}),
    ]:
        cases.append((reason, torch_bytes(content | {"metadata": record})))
    for reason, changed in [
        (f"another architecture.*{name}", weights | {name: torch.cat([first] * 2)}),
        (f"another architecture.*{name}", weights | {name: "text"}),
        ("another architecture.*extra", weights | {"extra": torch.zeros(9)}),
        (f"another architecture.*{name}", dict(list(weights.items())[1:])),
        ("more than tensors.*DoubleStorage", weights | {name: first.double()}),
        (f"other numbers.*{name}", weights | {name: first.long()}),
        (f"NaN.*{name}", weights | {name: first * float("nan")}),
        (f"infinite.*{name}", weights | {name: first / 0}),
    ]:
        cases.append((reason, torch_bytes(content | {"state_dict": changed})))
    return cases


def test_unusable_checkpoints_are_refused_with_the_reason(tmp_path):
    path = save(SimpleCNN(), tmp_path)
    for reason, content in unusable_contents(path.read_bytes(), tmp_path):
        path.write_bytes(content)
        with pytest.raises(checkpoint.CheckpointError, match=f"{path.name} .*{reason}"):
            checkpoint.load_checkpoint(path)
    assert not (tmp_path / "struck").exists()


def test_missing_file_folder_and_pipe_are_refused(tmp_path):
    paths = [tmp_path / "missing.pth", tmp_path]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        paths.append(tmp_path / "pipe")
    for path in paths:
        with pytest.raises(checkpoint.CheckpointError, match=f"{path.name} cannot be"):
            checkpoint.load_checkpoint(path)


def test_key_that_takes_forever_to_hash_is_refused(tmp_path):
    path = save(SimpleCNN(), tmp_path)
    key = ("x",)
    for _ in range(60):
        key = (key, key)
    path.write_bytes(torch_bytes({"metadata": {"a": [key]}}))  # as part of a key: 2**60
    with pytest.raises(checkpoint.CheckpointError, match="nests tuples"):
        checkpoint.load_checkpoint(path)


def test_bombs_are_refused_in_little_memory(tmp_path):
    path = save(SimpleCNN(), tmp_path)
    good = path.read_bytes()
    bomb = torch_bytes({"metadata": Hostile(bytearray, 2**30), "state_dict": {}})
    packed = inflating(good, 9), inflating(good, 9, zipfile.ZIP_BZIP2)
    for content in (inflating(good, 64 * 2**20), *packed, bomb):
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(checkpoint.CheckpointError):
            checkpoint.load_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10e6
    with path.open("wb") as file:
        file.truncate(30 * 2**30)  # sparse: it takes no room
    with pytest.raises(checkpoint.CheckpointError, match="larger than"):
        checkpoint.load_checkpoint(path)
