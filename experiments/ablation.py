"""Measure what each step of the recipe is worth, by training without it.

Trains on the first 50,000 training images of MNIST, validates on the last 10,000.
"""

import statistics
from collections import OrderedDict
from dataclasses import replace

from torch import nn
from torchvision.transforms.v2 import Normalize

from experiments.sweep import load_sets
from experiments.workers import in_parallel
from model import SimpleCNN
from pipeline.cli import make_parser, markdown_table, number, run
from pipeline.evaluation import CHANGES, accuracy, classify, reference_network
from train import Recipe, train

HELD_OUT = 10_000  # last training images of MNIST, for validation
SHOWN = ("noise", "grey", "warps")  # of the changes in evaluation.py


def plain_network():
    first, *others = reference_network()
    layers = OrderedDict(standardize=SimpleCNN().standardize, conv1=first)
    return nn.Sequential(layers | {"others": nn.Sequential(*others)})


def without_batch_norm():
    network = SimpleCNN()
    network.conv2, network.norm2 = nn.Conv2d(8, 32, 4), nn.Identity()
    network.linear3, network.norm3 = nn.Linear(128, 18), nn.Identity()
    return network


def fixed_standardization():
    network = SimpleCNN()
    network.standardize = Normalize([0.1307], [0.3081])
    return network


NO_WARPS = {"degrees": 0, "translate": 0, "scale": 0, "perspective": 0}
STEPS = {  # what is removed or undone: the network, and what the recipe has instead
    "nothing": (SimpleCNN, {}),
    "the network: conv 4-8 3×3, fc 32": (plain_network, {}),
    "batch normalization": (without_batch_norm, {}),
    "standardization: 0.1307 and 0.3081": (fixed_standardization, {}),
    "a high learning rate: 0.001": (SimpleCNN, {"learning_rate": 0.001}),
    "short memory: 0.9, 0.999": (SimpleCNN, {"beta1": 0.9, "beta2": 0.999}),
    "rest of the first filters": (SimpleCNN, {"freeze": 1.0}),
    "label smoothing": (SimpleCNN, {"label_smoothing": 0.0}),
    "the warps": (SimpleCNN, NO_WARPS),
    "their shrinking": (SimpleCNN, {"shrinkage": 0.0}),
    "pixel noise": (SimpleCNN, {"noisy": 0.0}),
}


def validate(step, seed):
    """Accuracies, clean and under the changes SHOWN, of a training without `step`."""
    images, labels = load_sets("mnist")[0]
    network, changes = STEPS[step]
    recipe = replace(Recipe(seed=seed), **changes)
    model = train(images[:-HELD_OUT], labels[:-HELD_OUT], recipe, network)
    images, labels = images[-HELD_OUT:], labels[-HELD_OUT:]
    inputs = [images, *(CHANGES[name](images) for name in SHOWN)]
    return [accuracy(classify(model, changed), labels) for changed in inputs]


def main():
    parser = make_parser(__doc__)
    seeds = number(int, 2, 1000)
    parser.add_argument("--seeds", type=seeds, default=10, help="for each step")
    n = parser.parse_args().seeds
    load_sets("mnist")  # downloads once, and fails before any worker
    jobs = [(step, seed) for step in STEPS for seed in range(n)]
    accuracies = dict(in_parallel(validate, jobs, "Training without a step"))

    rows, full = [], None
    for step in STEPS:
        of_seeds = [accuracies[step, seed] for seed in range(n)]
        clean, *changed = zip(*of_seeds, strict=True)
        mean, error = statistics.mean(clean), statistics.stdev(clean) / n**0.5
        full = full or mean  # of the first row, from which nothing is removed
        cells = [f"{full - mean:+.2f}", f"{mean:.2f} ± {error:.2f} %"]
        cells += [f"{statistics.mean(values):.2f} %" for values in changed]
        rows.append([step, *cells])
    header = ["removed", "cost in points", f"clean (n = {n})", *SHOWN]
    print(markdown_table(header, rows))


if __name__ == "__main__":
    run(main)
