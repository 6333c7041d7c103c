"""Measure what each step of the recipe is worth, by training without it.

Trains on the first 50,000 training images of MNIST, validates on the last 10,000.
"""

import argparse
import statistics
from dataclasses import replace

from torch import nn
from torchvision.transforms.v2 import Normalize

from experiments.sweep import in_parallel, load_training_set
from model import SimpleCNN
from pipeline.cli import number, run
from pipeline.evaluation import CHANGES, accuracy, predict, reference_network
from train import Recipe, train

SHOWN = ("noise", "grey", "warps")  # of the changes in evaluation.py


def plain_network():
    return nn.Sequential(SimpleCNN()[0], *reference_network())


def without_batch_norm():
    network = SimpleCNN()
    network[4], network[6] = nn.Conv2d(8, 32, 4), nn.Identity()
    network[9], network[10] = nn.Linear(128, 18), nn.Identity()
    return network


def fixed_standardization():
    network = SimpleCNN()
    network[0] = Normalize([0.1307], [0.3081])
    return network


NO_WARPS = {"degrees": 0, "translate": 0, "scale": 0, "perspective": 0}
STEPS = {  # what is left out or undone: the network, and what the recipe has instead
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
    images, labels = load_training_set("mnist")
    network, changes = STEPS[step]
    recipe = replace(Recipe(seed=seed), **changes)
    model = train(images[:50_000], labels[:50_000], recipe, network)
    images, labels = images[50_000:], labels[50_000:]
    inputs = [images, *(CHANGES[name](images) for name in SHOWN)]
    return [accuracy(predict(model, changed), labels) for changed in inputs]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=number(int, 2, 1000), default=10)
    n = parser.parse_args().seeds
    load_training_set("mnist")  # downloads once, and fails before any worker
    jobs = [(step, seed) for step in STEPS for seed in range(n)]
    runs = in_parallel(validate, jobs, "Training without a step")

    print(f"| without | gain | clean (n = {n}) | {' | '.join(SHOWN)} |")
    print("| --- | --: | --: | --: | --: | --: |")
    full = statistics.mean(clean for clean, *_ in runs[:n])
    for i, step in enumerate(STEPS):
        clean, *changed = zip(*runs[i * n : (i + 1) * n], strict=True)
        mean, error = statistics.mean(clean), statistics.stdev(clean) / n**0.5
        cells = [f"{full - mean:+.2f}", f"{mean:.2f} ± {error:.2f} %"]
        cells += [f"{statistics.mean(values):.2f} %" for values in changed]
        print(f"| {step} | {' | '.join(cells)} |")


if __name__ == "__main__":
    run(main)
