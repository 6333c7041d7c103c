"""Test that jobs run in parallel, and that Ctrl-C or a killed process ends all of them."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path
from subprocess import PIPE

import pytest

from experiments.workers import in_parallel
from pipeline.cli import UserError, run_main

SECONDS = 2  # of the slow jobs


def job(seconds, number=None):
    print("a progress bar", file=sys.stderr)
    if number:
        os.kill(os.getpid(), number)
    time.sleep(seconds)
    return os.getpid()


def test_results_come_as_soon_as_they_are_known():
    jobs = {"slow": [SECONDS], "a": [0], "b": [0]}
    names, processes = zip(*in_parallel(job, jobs, "Jobs", 2), strict=True)
    assert sorted(names[:2]) == ["a", "b"]
    assert len(set(processes)) == 2


def test_killed_process_ends_with_names_of_the_finished_jobs():
    jobs = {"a": [0], "killed": [0, signal.SIGTERM], "b": [60]}
    with pytest.raises(UserError, match="was killed.*--processes; done: a$"):
        list(in_parallel(job, jobs, "Jobs", 1))
    assert not active_children()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to signal")
def test_ctrl_c_waits_for_the_running_jobs_only():
    command = [sys.executable, "-m", "tests.test_workers"]
    options = {"stdout": PIPE, "stderr": PIPE, "start_new_session": True}
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], **options) as script:
        script.stdout.readline()
        os.killpg(script.pid, signal.SIGINT)  # as a terminal does
        started = time.monotonic()
        _, errors = script.communicate()  # until no process holds the output
    assert time.monotonic() - started < 10 * SECONDS  # all jobs take 60
    assert (script.returncode, errors) == (130, b"")


def main():
    jobs = {i: [SECONDS] for i in range(60)}
    for name, _ in in_parallel(job, jobs, "Jobs", 2):
        print(name, flush=True)


if __name__ == "__main__":
    # Shells start background jobs, such as those of some CI systems, without Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_main(main)
