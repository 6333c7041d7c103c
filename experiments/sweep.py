"""Train and judge many seeds on all cores; with --write, set the gate's limits by them."""

import json
import os
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from functools import cache
from pathlib import Path

import torch

from experiments.workers import in_parallel
from model import SimpleCNN
from pipeline import limits
from pipeline.checkpoint import save_checkpoint
from pipeline.cli import (
    UserError,
    make_parser,
    markdown_table,
    number,
    prepare_folder,
    run_main,
    write_whole,
)
from pipeline.data import DATASETS, DEFAULT, load_dataset
from pipeline.evaluation import METRICS
from pipeline.gate import RELATIONS, examine, judge
from test_model import requirements
from train import Recipe, train_and_test

FILE = Path("sweep.json")  # the figures of each seed


@cache  # in each worker
def load_sets(name):
    """Training set and test set of a data set."""
    torch.set_num_threads(1)  # of a worker, of which each core has one
    return load_dataset(name)[1:]


def train_and_examine(name, recipe):
    """Figures of a training's checkpoint, as the gate measures them, and its seconds."""
    model, record = train_and_test(name, *load_sets(name), recipe)
    with tempfile.TemporaryDirectory() as folder:
        examined = examine(save_checkpoint(model, record, folder), SimpleCNN)
    return examined.figures | {"training_seconds": record["training_seconds"]}


def summarize(runs, demands, old):
    """Markdown table of the figures of all runs beside a list of Limits, and old ones.

    The distance is that of the limit from the mean, in standard deviations: below 5 the
    limit may fail good models, below 0 it fails most of them.
    """
    rows = []
    for figure, relation, required in demands:
        values, show = [figures[figure] for figures in runs], METRICS[figure].show
        if isinstance(values[0], str) or None in values:
            continue
        mean, deviation = statistics.mean(values), statistics.stdev(values)
        worst = min(values) if relation == "≥" else max(values)
        limit = f"{relation} {show(required)}"
        was = old.get((figure, relation), required)
        if was != required:
            looser = not RELATIONS[relation](required, was)
            change = "loosened" if looser else "tightened"
            limit = f"{limit}, {change} from {show(was)}"
        side = mean - required if relation == "≥" else required - mean
        distance = f"{side / deviation:.1f} σ" if deviation else ""
        title = METRICS[figure].title
        rows.append([title, *map(show, (mean, deviation, worst)), limit, distance])
    header = ["figure", "mean", "deviation", "worst", "required", "distance"]
    return markdown_table(header, rows)


def list_failures(runs, demands):
    """How many runs fail, and a line for each of the Limits that some of them fail."""
    checks = [judge(demands, figures) for figures in runs]
    faults = [[check for check in run if not check.passed] for run in checks]
    names = [f"{c.name} ({c.required})" for run in faults for c in run]
    lines = [f"- {name}: {n} seeds fail" for name, n in Counter(names).items()]
    return sum(map(bool, faults)), lines


def main():
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--seeds", type=number(int, 2, 1000), default=50, help="how many")
    add("--first-seed", type=number(int, 0, 10**6), default=0, help="the others follow")
    add("--dataset", choices=DATASETS, default=DEFAULT, help="what to learn")
    epochs = number(int, 1, 1000)
    add("--epochs", type=epochs, default=Recipe.epochs, help="passes over the images")
    processes = number(int, 1, 61)  # Windows can wait for 61
    add("--processes", type=processes, default=os.cpu_count(), help="at the same time")
    add("--write", action="store_true", help="set the limits of the data set by them")
    args = parser.parse_args()
    name = args.dataset
    images, labels = load_sets(name)[1]  # downloads once, and fails before any worker
    prepare_folder(Path())  # rather than to lose the trainings
    if args.write:
        limits.read_entries()

    seeds = range(args.first_seed, args.first_seed + args.seeds)
    jobs = {seed: (name, Recipe(epochs=args.epochs, seed=seed)) for seed in seeds}
    if FILE.exists():
        print(f"Starts anew: {FILE} of another run is replaced.")
    done = {}
    for seed, figures in in_parallel(train_and_examine, jobs, "Seeds", args.processes):
        done[seed] = figures
        write_whole(FILE, json.dumps(done, indent=2, sort_keys=True) + "\n")
    runs = list(done.values())

    mark = limits.fingerprint(name, images, labels)
    try:
        old, _ = limits.read_limits(name, mark, runs[0])
    except UserError as error:  # of a data set that has no limits yet
        old = []
        if not args.write:
            print(error, end="\n\n")
    rows = limits.measure_limits(runs, labels)
    demands = requirements(len(DATASETS[name].classes))
    demands += limits.as_limits(rows) if args.write or not old else old
    before = {limit[:2]: limit.required for limit in old}
    print(summarize(runs, demands, before), end="\n\n")
    failed, lines = list_failures(runs, demands)
    print(*lines, f"{len(runs) - failed} of {len(runs)} seeds pass the gate.", sep="\n")
    training = statistics.median(figures["training_seconds"] for figures in runs)
    print(f"A training took {training:.1f} s (median).")
    if args.write and failed:
        raise UserError("limits.json stays as it is, for good models would fail")
    if args.write:
        limits.write_limits(name, mark, asdict(Recipe(epochs=args.epochs)), rows)
    sys.exit(failed > 0)


if __name__ == "__main__":
    run_main(main)
