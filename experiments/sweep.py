"""Train and judge many seeds on all cores, and print what limits are set from."""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path

from tqdm import tqdm

from pipeline.cli import number, run
from pipeline.data import DATASETS, load_dataset
from pipeline.gate import Examined, examine_model, judge
from test_model import LIMITS
from train import Recipe, train

FILE = "sweep.json"


def in_parallel(function, jobs, description, processes=None):
    """Results of function(*job), in the order of the jobs, from a process for each core."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, hide_progress) as executor:
        futures = [executor.submit(function, *job) for job in jobs]
        done = as_completed(futures)
        for _ in tqdm(done, description, len(futures), disable=None):
            pass
        return [future.result() for future in futures]


def hide_progress():
    """Keep the bars of trainings in a worker from the terminal."""
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - for good


@cache  # in each worker
def load_training_set(dataset):
    return load_dataset(dataset)[1]


def train_and_measure(dataset, recipe):
    """Figures of a network trained by the recipe, and its seconds of training."""
    training_set = load_training_set(dataset)
    started = time.perf_counter()
    model = train(*training_set, recipe)
    seconds = time.perf_counter() - started
    return examine_model(model, dataset).figures | {"training_seconds": seconds}


def summarize(runs, dataset):
    """Markdown table of the figures of all runs that have a limit."""
    lines = ["| figure | mean | deviation | worst | required | distance |"]
    lines.append("| --- | --: | --: | --: | --: | --: |")
    for limit in LIMITS:
        required = getattr(limit, dataset)
        values = [run[limit.figure] for run in runs if run[limit.figure] is not None]
        if required is None or not values or isinstance(required, str):
            continue
        mean, deviation = statistics.mean(values), statistics.stdev(values)
        worst = min(values) if limit.relation == "≥" else max(values)
        shown = map(limit.form.format, (mean, deviation, worst))
        bound = f"{limit.relation} {limit.form.format(required)}"
        distance = f"{abs(required - mean) / deviation:.1f} σ" if deviation else ""
        lines.append(f"| {' | '.join([limit.name, *shown, bound, distance])} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=number(int, 2, 1000), default=50)
    parser.add_argument("--first-seed", type=number(int, 0, 10**6), default=0)
    parser.add_argument("--dataset", choices=DATASETS, default="mnist")
    parser.add_argument("--epochs", type=number(int, 1, 1000), default=Recipe.epochs)
    parser.add_argument("--processes", type=number(int, 1, 64), help="one a core")
    args = parser.parse_args()
    load_training_set(args.dataset)  # downloads once, and fails before any worker
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    jobs = [(args.dataset, Recipe(args.epochs, seed=seed)) for seed in seeds]
    started = time.perf_counter()
    runs = in_parallel(train_and_measure, jobs, "Seeds", args.processes)
    seconds = time.perf_counter() - started

    print(summarize(runs, args.dataset), end="\n\n")
    failed = 0
    for seed, figures in zip(seeds, runs, strict=True):
        checks = judge(LIMITS, Examined(dataset=args.dataset, figures=figures))
        if faults := [str(check) for check in checks if not check.passed]:
            print(f"- seed {seed}: {'; '.join(faults)}")
            failed += 1
    training = statistics.median(run["training_seconds"] for run in runs)
    print(f"{len(seeds) - failed} of {len(seeds)} seeds pass the gate.")
    print(f"{seconds:.0f} s in all; a training took {training:.1f} s (median).")
    text = json.dumps(dict(zip(seeds, runs, strict=True)), indent=2)
    Path(FILE).write_text(text + "\n", encoding="utf-8")
    sys.exit(failed > 0)


if __name__ == "__main__":
    run(main)
