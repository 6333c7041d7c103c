"""The network's shape; checkpoints saved whole, found by name and loaded without trust."""

import errno
import io
import os
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict
from datetime import datetime, timedelta

import pytest
import torch

import checkpoint
from errors import UserError
from model import SimpleCNN

METADATA = {"dataset": "mnist", "test_accuracy": 99.0}


def save(network, folder):
    return checkpoint.save_checkpoint(network, METADATA, folder)


def random_images(n):
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_network_gives_logits_and_ignores_contrast_and_brightness():
    network, images = SimpleCNN().eval(), random_images(5)
    logits, of_grey = network(images), network(0.3 + 0.5 * images)
    assert logits.shape == (5, 10)
    torch.testing.assert_close(of_grey, logits, atol=1e-3, rtol=0)


def test_checkpoint_brings_back_the_model(tmp_path):
    network = SimpleCNN().eval()
    path = save(network, tmp_path)
    loaded = checkpoint.load_checkpoint(path)
    assert not loaded.model.training
    assert loaded.metadata == METADATA
    assert loaded.content == path.read_bytes()
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
    strangers = ["model_20261102_000000.pt", "model_2026110_000000.pth", "zebra"]
    strangers += ["model_20261102_00000٤.pth"]
    strangers += ["my_model_20261102_000000.pth", "model_20261102_000000.partial"]
    for name in names + strangers:
        (tmp_path / name).touch()
    assert [path.name for path in checkpoint.find_checkpoints(tmp_path)] == names


def test_no_checkpoint_and_one_of_the_future_are_told(tmp_path):
    with pytest.raises(UserError, match="run `python train.py`"):
        checkpoint.find_checkpoints(tmp_path)
    save(SimpleCNN(), tmp_path)
    (tmp_path / "model_20991231_235959.pth").touch()
    with pytest.raises(UserError, match="20991231.*in the future"):
        checkpoint.find_checkpoints(tmp_path)


class Hostile:
    """Whatever unpickles this calls a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def torch_bytes(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def archive(method, size, named_size):
    """An archive of `size` zero bytes, whose directory names another size."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr("archive/data/0", bytes(size))
        file.getinfo("archive/data/0").file_size = named_size
    return buffer.getvalue()


def unusable_contents(good, folder):
    """Pairs of the reason why it is refused and the content of a checkpoint file."""
    weights = torch.load(io.BytesIO(good), weights_only=True)["state_dict"]
    name, first = next(iter(weights.items()))
    encrypted, flipped = bytearray(good), bytearray(good)
    encrypted[good.rindex(b"PK\1\2") + 8] |= 1
    flipped[good.index(first.numpy().tobytes())] ^= 1
    hostile = Hostile(os.mkdir, str(folder / "struck"))
    halves = OrderedDict((name, tensor.half()) for name, tensor in weights.items())
    assign = {"version": 2, "assign_to_params_buffers": True}
    halves._metadata = dict.fromkeys("0123456789", assign)
    contents = [
        ("not a checkpoint", b""),
        ("is damaged", good[:-1000]),
        ("not a checkpoint", b"hello"),
        ("not a checkpoint", pickle.dumps(hostile)),
        ("is damaged", bytes(flipped)),
        ("is damaged", bytes(encrypted)),
        ("larger than", good + bytes(checkpoint.MAX_BYTES)),
        ("would inflate", archive(zipfile.ZIP_DEFLATED, 2**26, 2**26)),
        ("would inflate", archive(zipfile.ZIP_BZIP2, 2**26, 9)),
        ("would inflate", archive(zipfile.ZIP_STORED, 9, 2**26)),
        ("more than tensors", torch_bytes(SimpleCNN())),
        ("not a checkpoint of train.py", torch_bytes(weights)),
        ("not a checkpoint of train.py", torch_bytes([1, 2, 3])),
    ]
    for reason, record in [
        ("more than tensors", METADATA | {"note": hostile}),
        ("more than tensors", METADATA | {"note": Hostile(bytearray, 2**40)}),
        ("not a checkpoint of train.py", METADATA | {(1,): 2}),
        ("neither a string nor", METADATA | {"note": ["a list"]}),
        ("neither a string nor", METADATA | {"note": first[0, 0, 0, 0]}),
        ("not a checkpoint of train.py", "mnist"),
        ("not a checkpoint of train.py", {"dataset": "mnist"}),
        ("does not say what it was trained on", METADATA | {"dataset": "emnist"}),
        ("does not say its test accuracy", METADATA | {"test_accuracy": "99"}),
        ("finite number as loss", METADATA | {"loss": float("nan")}),
        ("finite number as loss", METADATA | {"loss": float("inf")}),
        (r"finite number as \?\?## PASSED", METADATA | {"\n\x1b## PASSED": None}),
    ]:
        content = {"metadata": record, "state_dict": weights}
        contents.append((reason, torch_bytes(content)))
    for reason, changes in [
        ('another architecture.*"a\\?b"', {"a\ud800b": first}),
        (f"another architecture.*{name}", {name: torch.cat([first] * 2)}),
        (f"another architecture.*{name}", {name: "text"}),
        ("another architecture.*extra", {"extra": torch.zeros(9)}),
        (f"other numbers.*{name}", {name: first.double()}),
        (f"other numbers.*{name}", {name: first * float("nan")}),
        (f"other numbers.*{name}", {name: first / 0}),
        ("negative variance in 6", {"6.running_var": -torch.ones(32)}),
    ]:
        content = {"metadata": METADATA, "state_dict": weights | changes}
        contents.append((reason, torch_bytes(content)))
    for reason, state in [
        (f"another architecture.*{name}", dict(list(weights.items())[1:])),
        (f"other numbers.*{name}", halves),
    ]:
        content = {"metadata": METADATA, "state_dict": state}
        contents.append((reason, torch_bytes(content)))
    return contents


def test_unusable_checkpoints_are_refused_with_the_reason_in_little_memory(tmp_path):
    path = save(SimpleCNN(), tmp_path)
    for reason, content in unusable_contents(path.read_bytes(), tmp_path):
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(UserError, match=f"{path.name} .*{reason}"):
            checkpoint.load_checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 10e6
        tracemalloc.stop()
    assert not (tmp_path / "struck").exists()


def test_missing_file_folder_pipe_and_thirty_gigabytes_are_refused(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(30 * 2**30)  # it takes no room
    paths = {tmp_path / "sparse": "is larger than"}
    paths |= dict.fromkeys([tmp_path / "missing.pth", tmp_path], "is not a file")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        paths[tmp_path / "pipe"] = "is not a file"
    for path, reason in paths.items():
        with pytest.raises(UserError, match=f"{path.name} {reason}"):
            checkpoint.load_checkpoint(path)
