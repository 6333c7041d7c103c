"""Train and judge many seeds on all cores, and print what limits are set from."""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path

from tqdm import tqdm

from data import DATASETS, DataError, load_dataset
from gate import Examined, examine_model, judge
from test_model import LIMITS
from train import Recipe, number, train

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


def train_and_measure(dataset, seed):
    """Figures of a network trained with `seed`."""
    model = train(*load_training_set(dataset), Recipe(seed=seed))
    return examine_model(model, dataset).figures


def summarize(runs, dataset):
    """Markdown table of the figures of all runs that have a limit."""
    lines = [
        "| figure | mean | deviation | worst | required | distance |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for limit in LIMITS:
        required = getattr(limit, dataset)
        values = [run[limit.figure] for run in runs if run[limit.figure] is not None]
        if required is None or not values or isinstance(required, str):
            continue
        mean, deviation = statistics.mean(values), statistics.stdev(values)
        worst = min(values) if limit.relation == "≥" else max(values)
        distance = f"{abs(required - mean) / deviation:.1f} σ" if deviation else ""
        cells = [
            limit.form.format(value) for value in (mean, deviation, worst, required)
        ]
        cells[3] = f"{limit.relation} {cells[3]}"
        lines.append(f"| {limit.name} | {' | '.join(cells)} | {distance} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=number(int, 2, 1000), default=50)
    parser.add_argument("--first-seed", type=number(int, 0, 10**6), default=0)
    parser.add_argument("--dataset", choices=DATASETS, default="mnist")
    args = parser.parse_args()
    load_training_set(args.dataset)  # downloads once, and fails before any worker
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    jobs = [(args.dataset, seed) for seed in seeds]
    runs = in_parallel(train_and_measure, jobs, "Training and judging seeds")

    failures = {}
    for seed, figures in zip(seeds, runs, strict=True):
        checks = judge(LIMITS, Examined(dataset=args.dataset, figures=figures))
        if failed := [str(check) for check in checks if not check.passed]:
            failures[seed] = failed
    figures = dict(zip(seeds, runs, strict=True))
    Path(FILE).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(summarize(runs, args.dataset))
    print(f"\n{len(seeds) - len(failures)} of {len(seeds)} seeds pass the gate.")
    for seed, failed in failures.items():
        print(f"- seed {seed}: {'; '.join(failed)}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    try:
        main()
    except (DataError, OSError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
