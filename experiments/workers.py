"""Run jobs in parallel, in processes or in another executor of concurrent.futures."""

import os
import sys
from concurrent import futures
from itertools import islice
from multiprocessing import get_context

from tqdm import tqdm

from pipeline.cli import UserError, bounded

MOST_PROCESSES = 61  # Windows cannot wait for more


def add_processes_option(parser):
    default = min(os.cpu_count(), MOST_PROCESSES)
    kind = bounded(int, 1, MOST_PROCESSES)
    told = "trainings at the same time"
    parser.add_argument("--processes", type=kind, default=default, help=told)


def hide_progress_bars():
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - open until the process ends


def in_parallel(function, jobs, description, at_once, executor=None):
    """Yield (name, function(*arguments)) of `jobs` {name: arguments} as they are done.

    A job is submitted when it can start, so that Ctrl-C waits for running jobs only.
    """
    options = at_once, get_context("spawn"), hide_progress_bars
    waiting, running, done = iter(jobs.items()), {}, []
    try:
        with executor or futures.ProcessPoolExecutor(*options) as pool:
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
        raise UserError(f"{reason}: try fewer --processes; done: {names}") from None
