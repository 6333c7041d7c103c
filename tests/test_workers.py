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
from pipeline.cli import UserError, run

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
    results = list(in_parallel(job, jobs, "Jobs", 2))
    assert sorted(done for done, _ in results) == sorted(jobs)
    assert results[-1][0] == jobs[0]
    assert len({process for _, process in results}) == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "says"), [("killed", "lack of memory.*--pro"), ("faulty", "no such file")]
)
def test_fault_ends_all_and_keeps_what_is_done(name, says):
    jobs = [("a",), (name,), ("b", NEVER), ("c", NEVER)]
    results = in_parallel(job, jobs, "Jobs", 1)
    assert next(results)[0] == ("a",)
    with pytest.raises(UserError, match=says):
        next(results)
    assert not multiprocessing.active_children()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to signal")
@pytest.mark.parametrize("lines", [2, 4])  # the imports of two processes, two results
@pytest.mark.parametrize("ctrl_c", [True, False])
def test_nothing_survives_a_script_that_is_ended(lines, ctrl_c):
    command = [sys.executable, "-m", "tests.test_workers"]
    options = {"stdout": PIPE, "stderr": PIPE, "start_new_session": True}
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], **options) as script:
        heard = [script.stdout.readline() for _ in range(lines)]
        if ctrl_c:
            os.killpg(script.pid, signal.SIGINT)  # as a terminal does
        else:
            script.kill()
        _, errors = script.communicate(timeout=30)  # until nobody holds the output
    assert heard[0] == b"SIG_IGN\n"
    assert script.returncode == (130 if ctrl_c else -signal.SIGKILL)
    assert not (ctrl_c and errors)


def main():
    jobs = [("a",), ("b",), ("c", NEVER), ("d", NEVER)]
    for done, _ in in_parallel(job, jobs, "Jobs", 2):
        print(done, flush=True)


if __name__ == "__mp_main__":  # in a process that does not yet know what it is for
    os.write(1, f"{signal.getsignal(signal.SIGINT).name}\n".encode())  # at once
    time.sleep(1)
if __name__ == "__main__":
    # A shell's job in the background, as a CI's may be, is started deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run(main)
