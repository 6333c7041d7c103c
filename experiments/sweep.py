"""Train and measure many seeds on all cores, and judge them by limits.json.

Example: python -m experiments.sweep --seeds 50 --write
With --write, the limits of the data set are set to what these seeds reach: a limit is five
standard deviations from the mean, so that every good model passes. Normally distributed
values leave that range once in 3.5 million models.
"""

import json
import math
import statistics
from collections import Counter
from dataclasses import replace
from pathlib import Path

from experiments.workers import (
    add_processes_option,
    dask_cluster,
    in_parallel,
    train_and_evaluate,
)
from pipeline.cli import (
    bounded,
    check_folder,
    make_parser,
    markdown_table,
    run_main,
    write_file,
)
from pipeline.data import DATASETS, DEFAULT, load_dataset
from pipeline.gate import FILE, judge, metrics_with_limits, read_limits, read_rows
from pipeline.metrics import METRICS
from train import add_recipe_options, recipe_from

SWEEP_FILE = Path("sweep.json")  # the metrics of each seed
DEVIATIONS = 5  # from the mean of good models to a limit


def measure_limits(dataset, runs, labels):
    """Rows of limits.json from the metrics of good models on a test set with `labels`.

    The standard deviation that is used is never below one test image (for percentages),
    one image of the smallest class (for the worst recall), or a tenth of the last printed
    digit (for the others). Limits are rounded away from the mean.
    """
    rows, smallest_class = {}, labels.bincount().min().item()
    for name, bounds in metrics_with_limits(dataset).items():
        values = [metrics[name] for metrics in runs]
        mean, deviation = statistics.mean(values), statistics.stdev(values)
        digits, unit = METRICS[name].digits, METRICS[name].unit
        images = smallest_class if name == "worst_recall" else len(labels)
        smallest = 100 / images if unit == "%" else 10.0**-digits / 10
        margin = DEVIATIONS * max(deviation, smallest)
        row = {"mean": mean, "deviation": deviation, "worst": worst(values, bounds)}
        row = {key: round(value, digits + 2) for key, value in row.items()}
        row["n"] = len(values)
        if "at_least" in bounds:
            row["at_least"] = math.floor((mean - margin) * 10**digits) / 10**digits
        if "at_most" in bounds:
            row["at_most"] = math.ceil((mean + margin) * 10**digits) / 10**digits
        rows[name] = row
    return rows


def worst(values, bounds):
    """The lowest value if there is a lower limit, otherwise the highest."""
    return min(values) if "at_least" in bounds else max(values)


def write_limits(dataset, rows):
    """Replace the limits of one data set in limits.json; raises OSError."""
    content = read_rows() | {dataset: rows}
    write_file(FILE, json.dumps(content, indent=2, sort_keys=True) + "\n")


def summarize(runs, limits):
    """Markdown table of the metrics of all runs beside their limits.

    The distance is from the mean to the nearest limit, in standard deviations. Below 5,
    good models may fail.
    """
    rows = []
    for name, bounds in limits.items():
        values, metric = [metrics[name] for metrics in runs], METRICS[name]
        mean, deviation = statistics.mean(values), statistics.stdev(values)
        check = judge(name, mean, limits)
        margin = min(mean - check.at_least, check.at_most - mean)
        distance = f"{margin / deviation:.1f}" if deviation else "–"
        numbers = [mean, deviation, worst(values, bounds)]
        _, limit = check.describe()
        rows.append([metric.title, *map(metric.show, numbers), limit, distance])
    header = ["metric", "mean", "deviation", "worst", "limit", "distance"]
    return markdown_table(header, rows)


def count_failures(runs, limits):
    """Number of runs outside the limits, and a line for each metric that fails."""
    failed = 0
    seeds_by_metric = Counter()
    for metrics in runs:
        checks = [judge(name, metrics[name], limits) for name in limits]
        faults = [check.metric for check in checks if not check.passed]
        seeds_by_metric.update(faults)
        failed += bool(faults)
    lines = [
        f"- {METRICS[name].title}: {n} fail" for name, n in seeds_by_metric.items()
    ]
    return failed, lines


def main():
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--dataset", choices=DATASETS, default=DEFAULT, help="data set to train on")
    add("--seeds", type=bounded(int, 2, 1000), default=50, help="number of seeds")
    add("--first-seed", type=bounded(int, 0, 10**6), default=0, help="the first seed")
    add("--write", action="store_true", help="write the measured limits to limits.json")
    add_processes_option(parser)
    text = "run on a Dask cluster: address of its scheduler, such as tcp://host:8786"
    add("--scheduler", metavar="ADDRESS", help=text)
    add_recipe_options(parser, skip=["seed"])
    args = parser.parse_args()
    dataset, recipe = args.dataset, recipe_from(args)
    limits = None if args.write else read_limits(dataset)  # an error comes early
    read_rows()
    _, _, (_, labels) = load_dataset(dataset)  # downloads once, before any process
    check_folder(".")

    seeds = range(args.first_seed, args.first_seed + args.seeds)
    jobs = {seed: (dataset, replace(recipe, seed=seed)) for seed in seeds}
    done = {}
    at_once, executor = args.processes, None
    if args.scheduler:  # Dask itself gives each worker one job at a time
        at_once, executor = len(jobs), dask_cluster(args.scheduler)
    for seed, metrics in in_parallel(
        train_and_evaluate, jobs, "Seeds", at_once, executor
    ):
        done[seed] = metrics
        write_file(SWEEP_FILE, json.dumps(done, indent=2, sort_keys=True) + "\n")
    runs = list(done.values())
    if args.write:
        write_limits(dataset, measure_limits(dataset, runs, labels))
        limits = read_limits(dataset)
    print(summarize(runs, limits), end="\n\n")
    failed, lines = count_failures(runs, limits)
    print(*lines, f"{len(runs) - failed} of {len(runs)} within the limits.", sep="\n")
    seconds = statistics.median(metrics["training_seconds"] for metrics in runs)
    print(f"A training took {seconds:.1f} s (median).")
    return 1 if failed else 0


if __name__ == "__main__":
    run_main(main)
