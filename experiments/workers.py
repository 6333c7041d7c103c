"""Run trainings in parallel: in processes of this machine, or on a Dask cluster."""

import os
import sys
import tempfile
from concurrent import futures
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context

import torch
from tqdm import tqdm

from model import SimpleCNN
from pipeline.checkpoint import load_checkpoint, save_checkpoint
from pipeline.cli import UserError, bounded
from pipeline.data import load_split
from pipeline.evaluation import evaluate
from train import train_and_test

MOST_PROCESSES = 61  # Windows cannot wait for more processes
DASK_SECONDS = 10  # a scheduler that does not answer for this long is an error


def add_processes_option(parser):
    count = bounded(int, 1, MOST_PROCESSES)
    default = min(os.cpu_count(), MOST_PROCESSES)
    text = "number of trainings that run at a time"
    parser.add_argument("--processes", type=count, default=default, help=text)


@contextmanager
def dask_executor(address):
    """Provide an executor on the Dask cluster whose scheduler is at `address`.

    The jobs are cancelled when the context ends. Raises UserError.
    """
    try:
        from distributed import Client

        client = Client(address, timeout=DASK_SECONDS)
    except ImportError:
        problem = "--scheduler needs the package distributed"
        advice = "run `pip install -r requirements-dev.txt`"
        raise UserError(f"{problem}: {advice}") from None
    except (OSError, ValueError):
        problem = f"no Dask scheduler answers at {address}"
        raise UserError(f"{problem}: start it, or correct the address") from None
    with client:
        if any(threads > 1 for threads in client.nthreads().values()):
            reason = "threads share torch's random numbers"
            raise UserError(f"start each worker with --nthreads 1, because {reason}")
        # With pure=False, Dask does not reuse the result of an equal job.
        yield client.get_executor(pure=False)


def hide_progress_bars():
    """Hide the progress bar of a worker process, because several bars would mix."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - open until the process ends


def in_parallel(function, jobs, description, at_once, executor=None):
    """Yield (name, function(*arguments)) of `jobs` {name: arguments} as they are done.

    Only `at_once` jobs are submitted at a time, so that Ctrl-C ends this quickly.
    """
    waiting, running, done = iter(jobs.items()), {}, []
    try:
        with executor or futures.ProcessPoolExecutor(
            at_once, get_context("spawn"), initializer=hide_progress_bars
        ) as pool:
            # Each pass yields one result.
            for _ in tqdm(jobs, description, disable=None):
                for name, arguments in islice(waiting, at_once - len(running)):
                    running[pool.submit(function, *arguments)] = name
                finished, _ = futures.wait(running, None, futures.FIRST_COMPLETED)
                future = finished.pop()
                result = future.result()
                done.append(running.pop(future))
                yield done[-1], result
    except futures.BrokenExecutor:
        reason = "a worker process was killed, perhaps because memory ran out"
        names = ", ".join(map(str, done)) or "none"
        advice = f"use fewer --processes (finished before: {names})"
        raise UserError(f"{reason}: {advice}") from None


def train_and_evaluate(dataset, recipe):
    """Train on a data set by a recipe; return the metrics, and the training's seconds.

    This job of the sweep is not in sweep.py, because Dask cannot import functions of a command.
    """
    torch.set_num_threads(1)  # every core has a process of its own
    training_set, test_set = load_split(dataset, True), load_split(dataset, False)
    model, metadata = train_and_test(dataset, training_set, test_set, recipe)
    with tempfile.TemporaryDirectory() as folder:
        path = save_checkpoint(model, metadata, folder)
        metrics = evaluate(load_checkpoint(SimpleCNN, path)).metrics
    return metrics | {"training_seconds": metadata["training_seconds"]}
