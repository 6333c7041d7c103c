"""Jobs in processes: results as they come, and nothing left running."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from subprocess import PIPE

import pytest
from tqdm import tqdm

from experiments.workers import in_parallel
from pipeline.cli import UserError, run_main

NEVER = 60  # seconds


def job(name, seconds=0):
    warnings.warn("heard by nobody", stacklevel=1)
    list(tqdm("nor is this bar seen"))
    if name == "killed":
        os.kill(os.getpid(), signal.SIGTERM)
    if name == "faulty":
        raise UserError("no such file")
    time.sleep(seconds)
    return os.getpid()


def test_results_come_from_silent_processes_as_soon_as_they_are_known(capfd):
    jobs = [("slow", 0.5), ("a",), ("b",)]
    done, processes = zip(*in_parallel(job, jobs, "Jobs", 2), strict=True)
    assert sorted(done) == sorted(jobs)
    assert done[-1] == jobs[0]
    assert len(set(processes)) == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "says"), [("killed", "lack of memory.*--pro"), ("faulty", "no such file")]
)
def test_fault_ends_all_and_keeps_what_is_done(name, says):
    results = in_parallel(job, [("a",), (name,), ("b", NEVER)], "Jobs", 1)
    assert next(results)[0] == ("a",)
    with pytest.raises(UserError, match=says):
        next(results)
    assert not multiprocessing.active_children()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to signal")
@pytest.mark.parametrize("lines", [2, 4])  # the imports of two processes, two results
@pytest.mark.parametrize(
    ("send", "number"),  # a terminal sends Ctrl-C to the group
    [("killpg", signal.SIGINT), ("kill", signal.SIGINT), ("kill", signal.SIGTERM)],
)
def test_nothing_survives_a_script_that_is_ended(send, number, lines):
    command = [sys.executable, "-m", "tests.test_workers"]
    options = {"stdout": PIPE, "stderr": PIPE, "start_new_session": True}
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], **options) as script:
        heard = [script.stdout.readline() for _ in range(lines)]
        getattr(os, send)(script.pid, number)
        _, errors = script.communicate(timeout=30)  # until nobody holds the output
    assert heard[0] == b"SIG_IGN\n"
    if number == signal.SIGINT:
        assert (script.returncode, errors) == (130, b"")


def main():
    for done, _ in in_parallel(job, [("a",), ("b",), *2 * [("c", NEVER)]], "Jobs", 2):
        print(done, flush=True)


if __name__ == "__mp_main__":  # in a process that does not yet know what it is for
    os.write(1, f"{signal.getsignal(signal.SIGINT).name}\n".encode())  # at once
    time.sleep(1)
if __name__ == "__main__":
    # A shell's job in the background, as a CI's may be, is started deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_main(main)
