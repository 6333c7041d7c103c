"""Measure what each step of the recipe is worth, by training without it.

Trains on the first 50,000 training images of MNIST, validates on the last 10,000, and on
real people's pens where --pens names a folder of UNIPEN's (see experiments/hands.py).
"""

from collections import OrderedDict, defaultdict
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import nn
from torchvision.transforms.v2 import Normalize

from experiments.handwriting import read_unipen
from experiments.sweep import load_sets
from experiments.workers import add_processes_option, in_parallel
from model import SimpleCNN
from pipeline.cli import make_parser, markdown_table, number, run_main, user_path
from pipeline.evaluation import (
    CORRUPTIONS,
    accuracy,
    predict_probabilities,
    reference_network,
)
from train import Recipe, add_synthetic_images, train

HELD_OUT = 10_000  # last training images of MNIST, for validation
SHOWN = ("noise", "grey", "warps")  # of the changes in evaluation.py


def plain_network():
    first, *others = reference_network()
    layers = {"standardize": SimpleCNN().standardize, "conv1": first}
    return nn.Sequential(OrderedDict(layers, others=nn.Sequential(*others)))


def without_batch_norm():
    network = SimpleCNN()
    network.conv2, network.norm2 = nn.Conv2d(8, 32, 4), nn.Identity()
    network.linear3, network.norm3 = nn.Linear(128, 18), nn.Identity()
    return network


def fixed_standardization():
    network = SimpleCNN()
    network.standardize = Normalize([0.1307], [0.3081])
    return network


NO_WARPS = {"degrees": 0, "translate": 0, "scale": 0, "perspective_share": 0}
STEPS = {  # what is removed or undone: the network, and what the recipe has instead
    "nothing": (SimpleCNN, {}),
    "built-in digits": (SimpleCNN, {"synthetic_images": 0}),
    "the network: conv 4-8 3×3, fc 32": (plain_network, {}),
    "batch normalization": (without_batch_norm, {}),
    "standardization: 0.1307 and 0.3081": (fixed_standardization, {}),
    "a high learning rate: 0.001": (SimpleCNN, {"learning_rate": 0.001}),
    "short memory: 0.9, 0.999": (SimpleCNN, {"beta1": 0.9, "beta2": 0.999}),
    "rest of the first filters": (SimpleCNN, {"freeze_after": 1.0}),
    "label smoothing": (SimpleCNN, {"label_smoothing": 0.0}),
    "the warps": (SimpleCNN, NO_WARPS),
    "their shrinking": (SimpleCNN, {"warp_decay": 0.0}),
    "pixel noise": (SimpleCNN, {"noise_share": 0.0}),
}


@cache  # in each worker
def load_pens(folder):
    """Images (N, 1, 28, 28) and labels (N,) of what UNIPEN's writers wrote."""
    drawn = [pair for _, *pair in read_unipen(folder) if pair[1] is not None]
    labels, images = zip(*drawn, strict=True)
    return torch.cat(images), torch.tensor(labels)


def validate(step, seed, pens):
    """Accuracies of a training without `step`: clean, under the changes SHOWN, of pens."""
    images, labels = load_sets("mnist")[0]
    network, changes = STEPS[step]
    recipe = replace(Recipe(seed=seed), **changes)
    training_set = images[:-HELD_OUT], labels[:-HELD_OUT]
    model = train(*add_synthetic_images("mnist", training_set, recipe), recipe, network)
    images, labels = images[-HELD_OUT:], labels[-HELD_OUT:]
    tests = [(images, labels), *((CORRUPTIONS[name](images), labels) for name in SHOWN)]
    if pens:
        tests.append(load_pens(pens))
    return [
        accuracy(predict_probabilities(model, images), labels)
        for images, labels in tests
    ]


def main():
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--seeds", type=number(int, 2, 1000), default=10, help="for each step")
    add("--pens", type=user_path, help="folder of UNIPEN's distribution")
    add_processes_option(parser)
    args = parser.parse_args()
    load_sets("mnist")  # downloads once, and fails before any worker
    jobs = [(step, seed, args.pens) for step in STEPS for seed in range(args.seeds)]
    runs = defaultdict(list)
    done = in_parallel(validate, jobs, "Training without a step", args.processes)
    for (step, *_), accuracies in done:
        runs[step].append(accuracies)

    rows = []
    for step in STEPS:
        clean, *others = np.mean(runs[step], axis=0)
        cost = np.mean(runs["nothing"], axis=0)[0] - clean
        error = np.std(runs[step], axis=0, ddof=1)[0] / args.seeds**0.5
        cells = [f"{cost:+.2f}", f"{clean:.2f} ± {error:.2f} %"]
        rows.append([step, *cells, *(f"{mean:.2f} %" for mean in others)])
    header = ["removed", "cost in points", f"clean (n = {args.seeds})", *SHOWN]
    print(markdown_table(header + ["pens"] * bool(args.pens), rows))


if __name__ == "__main__":
    run_main(main)
