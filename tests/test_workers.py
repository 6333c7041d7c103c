"""Jobs run in parallel, in processes or on Dask; Ctrl-C or a killed process ends them."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from multiprocessing import active_children
from pathlib import Path
from subprocess import PIPE

import pytest

from experiments import sweep, workers
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


def test_error_after_a_killed_process_names_the_finished_jobs():
    jobs = {"a": [0], "killed": [0, signal.SIGTERM], "b": [60]}
    with pytest.raises(
        UserError, match="was killed.*--processes .finished before: a.$"
    ):
        list(in_parallel(job, jobs, "Jobs", 1))
    assert not active_children()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to signal")
def test_ctrl_c_waits_for_the_running_jobs_only():
    command = [sys.executable, "-m", "tests.test_workers"]
    options = {"stdout": PIPE, "stderr": PIPE, "start_new_session": True}
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], **options) as script:
        processes = set()
        while len(processes) < 2:  # both have started
            processes.add(script.stdout.readline())
        time.sleep(SECONDS / 2)  # now they are in the middle of a job
        os.killpg(script.pid, signal.SIGINT)  # as a terminal does
        try:  # This waits until no process has the output open. All jobs together take 60 s.
            _, errors = script.communicate(timeout=10 * SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(script.pid, signal.SIGKILL)
            raise
    assert (script.returncode, errors) == (130, b"")


@pytest.fixture
def start_dask():
    """Return a function that starts a scheduler, and workers in processes of their own."""
    distributed = pytest.importorskip("distributed")
    with ExitStack() as stack:
        yield lambda n, threads: stack.enter_context(
            distributed.LocalCluster(n_workers=n, threads_per_worker=threads)
        )


@pytest.mark.slow
def test_sweep_on_dask_gives_the_same_models(start_dask, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--dataset=synthetic", "--seeds=2", "--epochs=1"]
    call(sweep, *options, f"--scheduler={start_dask(2, 1).scheduler_address}")
    there = json.loads(sweep.SWEEP_FILE.read_text("utf-8"))
    call(sweep, *options)
    here = json.loads(sweep.SWEEP_FILE.read_text("utf-8"))
    assert there.keys() == here.keys()
    for seed, metrics in here.items():
        changed = [name for name in metrics if there[seed][name] != metrics[name]]
        assert all(name.startswith(("relative", "training_sec")) for name in changed)


@pytest.mark.slow
def test_dead_dask_worker_loses_nothing(start_dask):
    jobs = {number: [1] for number in range(8)}
    cluster = start_dask(2, 1)
    executor = workers.dask_executor(cluster.scheduler_address)
    results = in_parallel(time.sleep, jobs, "Jobs", len(jobs), executor)
    done = [next(results)[0]]
    os.kill(cluster.workers[0].pid, signal.SIGTERM)
    done += [name for name, _ in results]
    assert sorted(done) == list(jobs)


@pytest.mark.slow
def test_dask_needs_a_scheduler_and_single_threads(start_dask, monkeypatch):
    address = start_dask(1, 2).scheduler_address
    with pytest.raises(UserError, match="--nthreads 1"):
        workers.dask_executor(address).__enter__()
    monkeypatch.setattr(workers, "DASK_SECONDS", 1)
    with pytest.raises(UserError, match="no Dask scheduler answers at tcp://127"):
        workers.dask_executor("tcp://127.0.0.1:9").__enter__()


def main():
    jobs = {i: [SECONDS] for i in range(60)}
    for _, process in in_parallel(job, jobs, "Jobs", 2):
        print(process, flush=True)


if __name__ == "__main__":
    # Shells let background jobs ignore Ctrl-C, and some CI systems run such jobs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_main(main)
