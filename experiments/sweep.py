"""Train and measure many seeds on all cores, and judge them by limits.json.

Example: python -m experiments.sweep --seeds 50 --write
With --write, these seeds set the limits of the data set: a limit is at least five standard
deviations from the mean, so that nearly every good model passes. A normally distributed
value is this far below the mean once in 3.5 million times, and above it as often.
"""

import json
import math
import statistics
from collections import Counter
from dataclasses import replace
from pathlib import Path

from experiments import workers
from experiments.workers import in_parallel
from pipeline import cli
from pipeline.data import DATASETS, DEFAULT, load_dataset
from pipeline.gate import (
    LIMITS_FILE,
    judge,
    metrics_with_limits,
    read_limits,
    read_limits_file,
)
from pipeline.metrics import METRICS
from train import Recipe

SWEEP_FILE = Path("sweep.json")  # the metrics of each seed
DEVIATIONS = 5  # from the mean of good models to a limit


def measure_limits(dataset, runs, labels):
    """Return entries of limits.json: limits from the metrics of good models (`runs`).

    If a standard deviation is very small, a minimum is used instead. For percentages, this is
    the share of one test image; for the worst recall, of one image of the smallest class; for
    other metrics, a tenth of a unit of the last printed decimal place. Limits are rounded away
    from the mean.
    """
    rows, smallest_class = {}, labels.bincount().min().item()
    for name, bounds in metrics_with_limits(dataset).items():
        mean, deviation, worst = statistics_of(runs, name)
        digits, unit = METRICS[name].digits, METRICS[name].unit
        images = smallest_class if name == "worst_recall" else len(labels)
        smallest = 100 / images if unit == "%" else 10.0**-digits / 10
        margin = DEVIATIONS * max(deviation, smallest)
        row = {"mean": mean, "deviation": deviation, "worst": worst, "n": len(runs)}
        row = {key: round(value, digits + 2) for key, value in row.items()}
        if "at_least" in bounds:
            row["at_least"] = math.floor((mean - margin) * 10**digits) / 10**digits
        if "at_most" in bounds:
            row["at_most"] = math.ceil((mean + margin) * 10**digits) / 10**digits
        rows[name] = row
    return rows


def statistics_of(runs, name):
    """Return the mean, the standard deviation and the worst value of a metric."""
    values = [metrics[name] for metrics in runs]
    worst = min(values) if "at_least" in METRICS[name].limits else max(values)
    return statistics.mean(values), statistics.stdev(values), worst


def summarize(runs, limits):
    """Return a Markdown table of the metrics of all runs, and their limits."""
    rows = []
    for name in limits:
        mean, deviation, worst = statistics_of(runs, name)
        numbers = map(METRICS[name].show, (mean, deviation, worst))
        _, limit = judge(name, mean, limits).describe()
        rows.append([METRICS[name].title, *numbers, limit])
    header = ["metric", "mean", "deviation", "worst", "limit"]
    return cli.markdown_table(header, rows)


def count_failures(runs, limits):
    """Return how many runs are outside the limits, and a line for each metric that fails."""
    failed, counts = 0, Counter()
    for metrics in runs:
        checks = [judge(name, metrics[name], limits) for name in limits]
        titles = [METRICS[check.metric].title for check in checks if not check.passed]
        counts.update(titles)
        failed += bool(titles)
    return failed, [f"- {title}: {n} failed" for title, n in counts.items()]


def write_json(path, content):
    cli.write_file(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def main():
    parser = cli.make_parser(__doc__)
    add, bounded = parser.add_argument, cli.bounded
    add("--dataset", choices=DATASETS, default=DEFAULT, help="data set to train on")
    add("--seeds", type=bounded(int, 2, 1000), default=50, help="number of seeds")
    add("--write", action="store_true", help="write the measured limits to limits.json")
    workers.add_processes_option(parser)
    text = "run on a Dask cluster: address of its scheduler, such as tcp://host:8786"
    add("--scheduler", metavar="ADDRESS", help=text)
    cli.add_settings(parser, Recipe, skip=["seed"])
    args = parser.parse_args()
    dataset, recipe = args.dataset, cli.read_settings(args, Recipe)
    read_limits_file()  # a damaged file is an error before the training
    limits = None if args.write else read_limits(dataset)
    _, _, test_set = load_dataset(dataset)  # downloads once, before any process starts
    cli.check_folder(".")

    jobs = {seed: (dataset, replace(recipe, seed=seed)) for seed in range(args.seeds)}
    at_once, executor = args.processes, None
    if args.scheduler:  # Dask gets all jobs, and gives each worker one at a time
        at_once, executor = len(jobs), workers.dask_executor(args.scheduler)
    results = in_parallel(workers.train_and_evaluate, jobs, "Seeds", at_once, executor)
    done = {}
    for seed, metrics in results:
        done[seed] = metrics
        write_json(SWEEP_FILE, done)
    runs = list(done.values())
    if args.write:
        rows = measure_limits(dataset, runs, labels=test_set[1])
        write_json(LIMITS_FILE, read_limits_file() | {dataset: rows})
        limits = read_limits(dataset)
    print(summarize(runs, limits), end="\n\n")
    failed, lines = count_failures(runs, limits)
    print(*lines, f"{len(runs) - failed} of {len(runs)} within the limits.", sep="\n")
    seconds = statistics.median(metrics["training_seconds"] for metrics in runs)
    print(f"A training took {seconds:.1f} s (median).")
    return 1 if failed else 0


if __name__ == "__main__":
    cli.run_main(main)
