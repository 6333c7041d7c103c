"""Commands end in one sentence, whatever is wrong and wherever they print."""

import errno
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

import augmentation_viz
import export
import predict
import train
from experiments import ablation, benchmark, handwriting, sweep
from pipeline import cli
from pipeline.cli import UserError

COMMANDS = train, predict, export, sweep, ablation, benchmark, handwriting
PRINT = "from pipeline.cli import run_main; run_main(lambda: print({size} * 'x\\n'))"


def test_error_ends_a_command_in_a_sentence():
    denied = OSError(errno.EACCES, "permission denied", "digits.png")
    for error, message in {
        UserError("no data"): "^Error: no data$",
        ConnectionError("no mirror"): "^Error: no mirror$",
        denied: r"^Error: digits.png .*\(permission denied\): check its name",
        KeyboardInterrupt(): "^130$",
    }.items():
        with pytest.raises(SystemExit, match=message):
            cli.run_main(Mock(side_effect=error))
    with pytest.raises(ZeroDivisionError):  # faults of the code keep their traceback
        cli.run_main(lambda: 1 / 0)


@pytest.mark.parametrize("command", [*COMMANDS, augmentation_viz])
def test_every_command_uses_run_main(command, monkeypatch):
    monkeypatch.setattr(cli, "run_main", Mock(side_effect=UserError("called")))
    with pytest.raises(UserError, match="called"):
        runpy.run_path(command.__file__, run_name="__main__")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_no_useless_default_and_options_have_one_name(command, call, capsys):
    with pytest.raises(SystemExit, match="^0$"):
        call(command, "--help")
    text = capsys.readouterr().out
    assert "default: None" not in text and "default: False" not in text
    for option in re.findall(r"\[(--\w\w)\w+", text):
        with pytest.raises(SystemExit, match="^2$"):
            call(command, option, "1")


def test_command_prints_in_a_notebook(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # it cannot be reconfigured
    with pytest.raises(SystemExit, match="^3$"):
        cli.run_main(lambda: print("done") or 3)
    assert sys.stdout.getvalue() == "done\n"


def test_symbols_are_replaced_where_the_encoding_lacks_them(monkeypatch):
    pipe = io.TextIOWrapper(io.BytesIO(), "cp1252", write_through=True)
    monkeypatch.setattr(sys, "stdout", pipe)
    cli.print_line("✗ Test Accuracy: 92.86% (≥ 92.87%)")
    assert b"FAILED Test Accuracy: 92.86% (>= 92.87%)" in pipe.buffer.getvalue()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no broken pipes")
@pytest.mark.parametrize("size", [1, 10**6])  # flushed at the end, and before
def test_broken_pipe_prints_nothing(size, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", PRINT.format(size=size)]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_home_folder_is_expanded_in_every_option(call, tmp_path, monkeypatch):
    monkeypatch.setenv("USERPROFILE" if os.name == "nt" else "HOME", str(tmp_path))
    for command, *rest in [(predict, "seven.jpg"), (export,), (handwriting, ".")]:
        with pytest.raises(UserError, match=rf"{tmp_path.name}.a\.pth"):
            call(command, "--checkpoint=~/a.pth", *rest)


def test_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.md"
    cli.write_file(path, "\udcff")  # from a file name that is not UTF-8
    assert path.read_text("utf-8") == "\\udcff"
    cli.write_file(path, b"old")
    monkeypatch.setattr(Path, "replace", Mock(side_effect=OSError(28, "disk full")))
    with pytest.raises(OSError, match=r"disk full.*report\.md"):
        cli.write_file(path, "new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
