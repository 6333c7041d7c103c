"""A sweep on a Dask cluster gives the same models as on this machine."""

import json
import os
import signal
import time
from contextlib import ExitStack

import pytest

from experiments import sweep, workers
from pipeline.cli import UserError

pytestmark = pytest.mark.slow


@pytest.fixture
def start_cluster():
    """Function that starts a scheduler, and workers in processes of their own."""
    distributed = pytest.importorskip("distributed")
    with ExitStack() as stack:

        def start(n_workers, threads):
            cluster = distributed.LocalCluster(
                n_workers=n_workers, threads_per_worker=threads
            )
            return stack.enter_context(cluster)

        yield start


def test_cluster_gives_the_same_models(start_cluster, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--dataset=synthetic", "--seeds=3"]
    call(sweep, *options, f"--scheduler={start_cluster(2, 1).scheduler_address}")
    there = json.loads(sweep.SWEEP_FILE.read_text("utf-8"))
    call(sweep, *options)
    here = json.loads(sweep.SWEEP_FILE.read_text("utf-8"))
    assert there.keys() == here.keys()
    for seed, metrics in here.items():
        times = {name for name in metrics if name.startswith(("latency", "training"))}
        assert {n for n in metrics if there[seed][n] != metrics[n]} <= times


def test_dead_worker_loses_nothing(start_cluster):
    jobs = {number: [1] for number in range(8)}
    cluster = start_cluster(2, 1)
    executor = workers.dask_cluster(cluster.scheduler_address)
    results = workers.in_parallel(time.sleep, jobs, "Jobs", len(jobs), executor)
    done = [next(results)[0]]
    os.kill(cluster.workers[0].pid, signal.SIGTERM)
    done += [name for name, _ in results]
    assert sorted(done) == list(jobs)


def test_missing_scheduler_and_several_threads_are_errors(start_cluster, monkeypatch):
    address = start_cluster(1, 2).scheduler_address
    with pytest.raises(UserError, match="--nthreads 1"):
        workers.dask_cluster(address).__enter__()
    monkeypatch.setattr(workers, "DASK_SECONDS", 1)
    with pytest.raises(UserError, match="no Dask scheduler answers at tcp://127"):
        workers.dask_cluster("tcp://127.0.0.1:9").__enter__()
