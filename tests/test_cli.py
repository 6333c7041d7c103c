"""Scripts end in one sentence, whatever is wrong and wherever they print."""

import errno
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest.mock import MagicMock, Mock

import pytest
from samples import save_network

import export
import predict
import train
from pipeline import cli
from pipeline.cli import UserError

FULL = OSError(errno.ENOSPC, "disk full")  # as `write` raises it, without a name
NAMED = OSError(errno.EACCES, "forbidden", "digits.png")
NO_MEMORY = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to …")
WRITE = """
from pathlib import Path
from pipeline.cli import write_whole
for _ in range(300):
    write_whole(Path("report.md"), 1000 * "x")
"""
CODE = "from pipeline.cli import run; run(lambda: print('first\\n' + {size} * 'x'))"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("no data"), "Error: no data"),
        (ConnectionError("no mirror answers"), "Error: no mirror answers"),
        (NAMED, r"Error: digits.png .*\(forbidden\): check its name"),
        (FULL, r"Error: .* the output, .*\(disk full\)"),
        (MemoryError(), "Error: not enough memory: close"),
        (NO_MEMORY, "Error: not enough memory: close"),
        (KeyboardInterrupt(), "130"),
        (SystemExit(1), "1"),
    ],
)
def test_script_ends_in_a_sentence(error, code):
    with pytest.raises(SystemExit, match=code):
        cli.run(Mock(side_effect=error))


def test_mistake_in_the_code_keeps_its_traceback():
    with pytest.raises(RuntimeError, match="shapes differ"):
        cli.run(Mock(side_effect=RuntimeError("shapes differ")))


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


def test_home_is_understood_wherever_a_path_is_an_option(call, tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(train, "load_dataset", Mock(side_effect=UserError("loaded")))
    with pytest.raises(UserError, match="loaded"):
        call(train, "--data-dir=~/data", "--output-dir=~/a/b")
    train.load_dataset.assert_called_with("auto", tmp_path / "data")
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "b"]

    (tmp_path / "model.pth").touch()
    for script, *pictures in ([predict, "seven.jpg"], [export]):
        with pytest.raises(UserError, match="model.pth is damaged"):
            call(script, "--checkpoint=~/model.pth", *pictures)


def test_folder_that_cannot_be_written_is_refused_first(call, tmp_path, monkeypatch):
    monkeypatch.delattr(train, "load_dataset")  # not to be reached
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file must be a folder .*choose another"):
        call(train, f"--output-dir={tmp_path / 'file'}")
    full = MagicMock()
    full.return_value.__enter__.return_value.write.side_effect = FULL
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(UserError, match=rf"{tmp_path.name} .*\(disk full\): choose"):
        call(train, f"--output-dir={tmp_path}")


def test_full_disk_is_named_and_leaves_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", Mock(side_effect=FULL))
    with pytest.raises(OSError, match=r"disk full.*model_\d+_\d+\.pth"):
        save_network(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows may not replace a file in use")
def test_two_processes_may_write_the_same_file(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(cli.__file__).parents[1]))
    command = [sys.executable, "-c", WRITE]
    writers = [subprocess.Popen(command, cwd=tmp_path) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


def test_stranger_cannot_write_to_the_terminal():
    assert cli.printable("\x1b[31mred\n" + 1000 * "x")[:9] == "?[31mred?"
    assert len(cli.printable(1000 * "x")) == 300
