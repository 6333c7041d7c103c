"""Options, files, and errors that are printed as one sentence."""

import io
import os
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

COMMANDS = train, predict, export, augmentation_viz
COMMANDS += sweep, ablation, benchmark, handwriting
ERRORS = {  # the expected message, and the error that is raised
    "^Error: no data$": UserError("no data"),
    "^Error: no mirror$": ConnectionError("no mirror"),
    r"^Error: a.png .*\(denied\): check its name": OSError(13, "denied", "a.png"),
    "^130$": KeyboardInterrupt(),
}
PRINT = "from pipeline.cli import run_main; run_main(lambda: print({size} * 'x\\n'))"


@pytest.mark.parametrize("message", ERRORS)
def test_error_is_printed_as_one_sentence(message):
    with pytest.raises(SystemExit, match=message):
        cli.run_main(Mock(side_effect=ERRORS[message]))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_uses_run_main(command, monkeypatch):
    monkeypatch.setattr(cli, "run_main", Mock(side_effect=UserError("called")))
    with pytest.raises(UserError, match="called"):
        runpy.run_path(command.__file__, run_name="__main__")


def test_options_cannot_be_abbreviated_and_help_shows_real_defaults_only():
    parser = cli.make_parser("text")
    parser.add_argument("--seeds", default=50, help="number")
    parser.add_argument("--checkpoint", help="the newest")
    parser.add_argument("--show", action="store_true", help="save")
    assert parser.format_help().count("(default: ") == 1
    with pytest.raises(SystemExit, match="^2$"):
        parser.parse_args(["--seed=1"])


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
@pytest.mark.parametrize("size", [1, 10**6])  # only the second fills the buffer
def test_broken_pipe_prints_nothing(size, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", PRINT.format(size=size)]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("command", [predict, export, handwriting])
def test_home_folder_is_expanded_in_options(command, call, tmp_path, monkeypatch):
    monkeypatch.setenv("USERPROFILE" if os.name == "nt" else "HOME", str(tmp_path))
    pictures = [] if command is export else ["."]
    with pytest.raises(UserError, match=rf"{tmp_path.name}.a\.pth"):
        call(command, "--checkpoint=~/a.pth", *pictures)


def test_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.md"
    cli.write_file(path, "\udcff")  # from a file name that is not UTF-8
    assert path.read_text("utf-8") == "\\udcff"
    monkeypatch.setattr(Path, "replace", Mock(side_effect=OSError(28, "disk full")))
    with pytest.raises(OSError, match=r"disk full.*report\.md'"):
        cli.write_file(path, "new")
    assert path.read_text("utf-8") == "\\udcff"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_cannot_be_written_is_an_error(tmp_path):
    file = tmp_path / "report"
    file.touch()
    with pytest.raises(UserError, match="no file can be written to .*report.*free"):
        cli.check_folder(file)
