"""Jobs on all cores, which end together: when all are done, by Ctrl-C, or by a fault."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from tqdm import tqdm

from pipeline.cli import UserError, number


def add_processes_option(parser):
    """Add --processes to a parser: at most the 61 that Windows can wait for."""
    parser.add_argument("--processes", type=number(int, 1, 61), help="one a core")


def in_parallel(function, jobs, description, processes=None):
    """Yield each job, a tuple, and function(*job) as soon as that is known.

    The first exception, be it of whoever takes the results, ends all processes. Raises
    UserError when one of them was ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, start_worker) as executor:
        try:
            futures = submit(executor, function, jobs)
            done = as_completed(futures)
            for future in tqdm(done, description, len(futures), disable=None):
                yield futures[future], future.result()
        except BrokenProcessPool:
            reason = "a process was ended, perhaps for lack of memory"
            raise UserError(f"{reason}: try fewer with --processes") from None
        finally:
            for process in multiprocessing.active_children():
                process.kill()


def submit(executor, function, jobs):
    """Jobs by their futures, in processes that leave Ctrl-C to this one."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as they inherit
    try:
        return {executor.submit(function, *job): job for job in jobs}
    finally:
        signal.signal(signal.SIGINT, handler)


def start_worker():
    """Say nothing on standard error, and end with the process that started this one."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # for bars and warnings
    tqdm.set_lock(threading.RLock())  # not the system's, which outlives who is killed
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
