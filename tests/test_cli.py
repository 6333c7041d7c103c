"""Scripts end in one sentence, whatever is wrong and wherever they print."""

import errno
import io
import os
import runpy
import subprocess
import sys
import tempfile
from unittest.mock import MagicMock, Mock

import pytest
from samples import save_network

import export
import predict
import train
from experiments import ablation, benchmark, handwriting, sweep
from experiments.workers import in_parallel
from pipeline import cli
from pipeline.cli import UserError

SCRIPTS = train, predict, export, sweep, ablation, benchmark, handwriting
FULL = OSError(errno.ENOSPC, "disk full")  # as `write` raises it, without a name
NAMED = OSError(errno.EACCES, "forbidden", "digits.png")
NO_MEMORY = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to …")
PRINT = "from pipeline.cli import run_main; run_main(lambda: print('first\\n' + {size} * 'x'))"


@pytest.mark.parametrize(
    ("error", "ending", "says"),
    [
        (ConnectionError("no mirror"), SystemExit, "Error: no mirror"),
        (NAMED, SystemExit, r"Error: digits.png .*\(forbidden\): check its name"),
        (FULL, SystemExit, r"Error: .* the output, .*\(disk full\)"),
        (MemoryError(), SystemExit, "Error: not enough memory: close"),
        (NO_MEMORY, SystemExit, "Error: not enough memory: close"),
        (KeyboardInterrupt(), SystemExit, "130"),
        (RuntimeError("shapes differ"), RuntimeError, "shapes differ"),  # our mistake
    ],
)
def test_script_ends_in_a_sentence(error, ending, says):
    with pytest.raises(ending, match=says):
        cli.run_main(Mock(side_effect=error))


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_ends_so(script, monkeypatch):
    monkeypatch.setattr(cli, "make_parser", Mock(side_effect=UserError("no data")))
    with pytest.raises(SystemExit, match="Error: no data"):
        runpy.run_path(script.__file__, run_name="__main__")


@pytest.mark.parametrize("output", [io.StringIO(), None])  # a notebook's, and none
def test_script_runs_with_any_output(output, monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, output)
    cli.run_main(lambda: print("done"))
    assert output is None or output.getvalue() == "done\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal for it")
@pytest.mark.parametrize("size", [1, 10**6])  # flushed at the end, and on the way
def test_reader_that_has_enough_ends_a_script_silently(size, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    command = [sys.executable, "-c", PRINT.format(size=size)]
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_home_is_understood_wherever_a_path_is_an_option(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "file").touch()
    for script, *options in [
        (train, "--output-dir=~/file"),
        (train, "--data-dir=~/file", "--dataset=mnist"),
        (predict, "--checkpoint=~/file", "seven.jpg"),
        (export, "--checkpoint=~/file"),
    ]:
        with pytest.raises((UserError, OSError), match=rf"^[^(]*{tmp_path.name}.file"):
            call(script, *options)


def test_disk_without_room_is_refused_first(tmp_path, monkeypatch):
    file = MagicMock()
    file.return_value.__enter__.return_value.write.side_effect = FULL
    monkeypatch.setattr(tempfile, "TemporaryFile", file)
    with pytest.raises(UserError, match=rf"{tmp_path.name} .*\(disk full\): choose"):
        cli.prepare_folder(tmp_path)


def test_full_disk_is_named_and_leaves_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", Mock(side_effect=FULL))
    with pytest.raises(OSError, match=r"disk full.*model_\d+_\d+\.pth"):
        save_network(tmp_path)
    assert not list(tmp_path.iterdir())


def test_text_of_any_characters_can_be_written(tmp_path):
    cli.write_whole(tmp_path / "report.md", "\udcff")  # of a name that is not UTF-8
    assert (tmp_path / "report.md").read_text("utf-8") == "\\udcff"


@pytest.mark.skipif(os.name == "nt", reason="Windows may not replace a file in use")
def test_two_processes_may_write_the_same_file(tmp_path):
    jobs = 500 * [(tmp_path / "report.md", "text")]
    assert len(list(in_parallel(cli.write_whole, jobs, "Writing", 2))) == 500
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]
