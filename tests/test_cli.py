"""Scripts end in one sentence, whatever is wrong and wherever they print."""

import errno
import io
import os
import subprocess
import sys
import tempfile
from unittest.mock import Mock

import pytest

import export
import predict
import train
from pipeline import checkpoint, cli
from pipeline.cli import UserError

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as `write` raises it
NAMED = OSError(errno.EACCES, "Permission denied", "digits.png")
NO_MEMORY = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to …")
CODE = "from pipeline.cli import run; run(lambda: print('first\\n' + {size} * 'x'))"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("no data"), "Error: no data"),
        (ConnectionError("no mirror answers"), "Error: no mirror answers"),
        (NAMED, r"Error: digits.png .*\(Permission denied\): check its name"),
        (FULL, r"Error: .* the output, .*\(No space left"),
        (MemoryError(), "Error: not enough memory: close"),
        (NO_MEMORY, "Error: not enough memory: close"),
        (KeyboardInterrupt(), "130"),
        (SystemExit(1), "1"),
    ],
)
def test_script_ends_in_a_sentence(error, code):
    with pytest.raises(SystemExit, match=code):
        cli.run(Mock(side_effect=error))


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), RecursionError()])
def test_mistake_in_the_code_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        cli.run(Mock(side_effect=error))


@pytest.mark.parametrize("output", [io.StringIO(), None])  # a notebook's, and none
def test_script_runs_with_any_output(output, monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, output)
    cli.run(lambda: print("done"))
    assert output is None or output.getvalue() == "done\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal for it")
@pytest.mark.parametrize("size", [1, 10**6])  # flushed at the end, and on the way
def test_reader_that_has_enough_ends_a_script_silently(size, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    command = [sys.executable, "-c", CODE.format(size=size)]
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_home_is_understood_wherever_a_path_is_an_option(tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(train, "load_dataset", Mock(side_effect=UserError("loaded")))
    arguments = ["train.py", "--data-dir=~/data", "--output-dir=~/a/b"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(UserError, match="loaded"):
        train.main()
    train.load_dataset.assert_called_with("auto", tmp_path / "data")
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "b"]

    (tmp_path / "model.pth").touch()
    for script, *arguments in ([predict, "seven.jpg"], [export]):
        monkeypatch.setattr(sys, "argv", ["", "--checkpoint=~/model.pth", *arguments])
        with pytest.raises(UserError, match="model.pth is damaged"):
            script.main()


def test_folder_that_cannot_be_written_is_refused_first(tmp_path, monkeypatch):
    monkeypatch.delattr(train, "load_dataset")  # not to be reached
    arguments = ["train.py", f"--output-dir={tmp_path}"]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(tempfile, "TemporaryFile", Mock(side_effect=FULL))
    with pytest.raises(UserError, match=rf"{tmp_path.name} .*\(No space left.*choose"):
        train.main()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file must be a folder .*exist"):
        cli.prepare_folder(tmp_path / "file")


def test_full_disk_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", Mock(side_effect=FULL))
    with pytest.raises(OSError, match=r"No space left.*model_\d+_\d+\.pth"):
        checkpoint.save_checkpoint(Mock(state_dict=dict), {}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_stranger_cannot_write_to_the_terminal():
    assert cli.printable("\x1b[31mred\n" + 1000 * "x")[:9] == "?[31mred?"
    assert len(cli.printable(1000 * "x")) == 300
