"""Jobs on all cores, which end together: when all are done, by Ctrl-C, or by a fault."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from tqdm import tqdm

from pipeline.cli import UserError, number

MOST = 61  # processes that Windows can wait for


def add_processes_option(parser):
    parser.add_argument("--processes", type=number(int, 1, MOST), help="one a core")


def in_parallel(function, jobs, description, processes=None):
    """Yield each job, a tuple, and function(*job) as soon as that is known.

    The first exception, also one of whoever takes the results, ends all processes.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, start_worker) as executor:
        try:
            ctrl_c = signal.signal(
                signal.SIGINT, signal.SIG_IGN
            )  # which workers inherit
            futures = {executor.submit(function, *job): job for job in jobs}
            signal.signal(signal.SIGINT, ctrl_c)
            done = as_completed(futures)
            for future in tqdm(done, description, len(futures), disable=None):
                yield futures[future], future.result()
        except BaseException as error:
            for process in multiprocessing.active_children():
                process.kill()
            if isinstance(error, BrokenProcessPool):
                advice = "try fewer with --processes"
                raise UserError(f"a process was ended, for lack of memory? {advice}")
            raise


def start_worker():
    """Leave Ctrl-C and the terminal to the first process, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # not inherited on Windows
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # for bars and warnings
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
