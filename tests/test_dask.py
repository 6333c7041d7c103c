"""A sweep on a real Dask cluster gives the same models as on this machine."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments import sweep, workers
from pipeline.cli import UserError

pytestmark = pytest.mark.slow
DASK = sys.executable, "-m", "dask"
ROOT = Path(__file__).parents[1]


@pytest.fixture
def cluster():
    """Function that starts a Dask scheduler and workers; returns address and processes."""
    pytest.importorskip("distributed")
    processes = []

    def start(*command):
        command = [*DASK, *command, "--no-dashboard"]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        processes.append(process)

    def start_cluster(threads, count=2):
        with socket.create_server(("127.0.0.1", 0)) as server:
            host, port = server.getsockname()
        address = f"tcp://{host}:{port}"
        start("scheduler", "--host", host, "--port", str(port))
        for _ in range(count):
            start("worker", address, "--nthreads", threads, "--no-nanny")
        return address, processes

    yield start_cluster
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def run_sweep(call, tmp_path, monkeypatch):
    """Function that runs a sweep of three seeds: metrics of each, without its times."""
    monkeypatch.chdir(tmp_path)

    def run_sweep(*options):
        call(sweep, "--dataset=synthetic", "--seeds=3", "--epochs=1", *options)
        runs = json.loads(sweep.SWEEP_FILE.read_text("utf-8"))
        times = "latency", "training_seconds"
        return {
            seed: {k: v for k, v in metrics.items() if not k.startswith(times)}
            for seed, metrics in runs.items()
        }

    return run_sweep


def test_cluster_gives_the_same_models(cluster, run_sweep):
    address, _ = cluster(threads="1")
    assert run_sweep(f"--scheduler={address}") == run_sweep()


def test_dead_worker_loses_nothing(cluster):
    address, (_, worker, _) = cluster(threads="1")
    jobs = {number: [1] for number in range(8)}
    executor = workers.dask_cluster(address)
    results = workers.in_parallel(time.sleep, jobs, "Jobs", len(jobs), executor)
    done = [next(results)[0]]
    worker.kill()
    done += [name for name, _ in results]
    assert sorted(done) == list(jobs)


def test_missing_scheduler_and_several_threads_are_errors(cluster, monkeypatch):
    monkeypatch.setattr(workers, "DASK_SECONDS", 1)
    with pytest.raises(UserError, match="no Dask scheduler answers at tcp://127"):
        workers.dask_cluster("tcp://127.0.0.1:9").__enter__()
    monkeypatch.undo()
    address, _ = cluster(threads="2", count=1)
    with pytest.raises(UserError, match="--nthreads 1"):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:  # until the worker has come
            with workers.dask_cluster(address):
                time.sleep(1)
