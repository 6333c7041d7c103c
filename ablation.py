"""Measure what each step of the recipe is worth, by training without it.

Trains on the first 50,000 training images of MNIST, validates on the last 10,000.
"""

import argparse
import statistics
import sys
from contextlib import ExitStack, redirect_stdout
from unittest.mock import patch

from torch import nn
from tqdm import tqdm

import train
from augmentation import add_noise
from benchmark import print_table
from data import DataError, load_mnist
from evaluation import CHANGES, accuracy, predict, reference_network
from model import SimpleCNN

SHOWN = ("Pixel Noise σ = 0.2", "Background at 0.3", "Fresh Random Warps")


class WithoutBatchNorm(SimpleCNN):
    def __init__(self, batch_norm):
        super().__init__()

    def fold(self):
        return self.eval()


class PlainNetwork(nn.Module):
    def __init__(self, batch_norm):
        super().__init__()
        self.layers = reference_network()

    def forward(self, images):
        return self.layers(nn.functional.layer_norm(images, images.shape[1:]))

    def fold(self):
        return self.eval()


class ConstantAdam(train.Adam):
    def step(self, learning_rate):
        super().step(0.001)


STEPS = {  # what is left out or undone: how
    "nothing": [],
    "the network: conv 4-8 3×3, fc 32": [patch("train.SimpleCNN", PlainNetwork)],
    "one cycle: learning rate 0.001": [patch("train.Adam", ConstantAdam)],
    "short memory: betas 0.9, 0.999": [patch("train.BETAS", (0.9, 0.999))],
    "batch normalization": [patch("train.SimpleCNN", WithoutBatchNorm)],
    "the warps": [patch("train.augment", lambda pixels, strength: add_noise(pixels))],
    "their shrinking": [patch("train.SHRINKAGE", 0)],
    "label smoothing": [patch("train.SMOOTHING", 0)],
    "pixel noise": [patch("augmentation.NOISE_SHARE", 0)],
    "standardization: 0.1307 and 0.3081": [
        patch("torch.nn.functional.layer_norm", lambda x, _: (x - 0.1307) / 0.3081)
    ],
}


def validate(patches, training_set, pixels, labels, seed):
    """Accuracies, clean and under the changes SHOWN, of a patched training."""
    with ExitStack() as stack:
        for applied in patches:
            stack.enter_context(applied)
        stack.enter_context(redirect_stdout(None))
        network = train.train(*training_set, seed=seed)
        inputs = [pixels, *(CHANGES[name](pixels) for name in SHOWN)]
        return [accuracy(predict(network, changed), labels) for changed in inputs]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=train.number(int, 2, 1000), default=10)
    seeds = range(parser.parse_args().seeds)
    (images, labels), _ = load_mnist()
    training_set = images[:50_000], labels[:50_000]
    pixels, labels = images[50_000:] / 255, labels[50_000:]

    rows = [("without", "gain", f"clean (n = {len(seeds)})", *SHOWN)]
    means = []
    for step, patches in STEPS.items():
        runs = [
            validate(patches, training_set, pixels, labels, seed)
            for seed in tqdm(seeds, step, leave=False)
        ]
        clean, *changed = zip(*runs, strict=True)
        means.append(statistics.mean(clean))
        gain = f"{means[0] - means[-1]:+.2f}" if patches else ""
        error = statistics.stdev(clean) / len(seeds) ** 0.5
        cells = [f"{statistics.mean(accuracies):.2f} %" for accuracies in changed]
        rows.append((step, gain, f"{means[-1]:.2f} ± {error:.2f} %", *cells))
    print_table(rows, markdown=True)


if __name__ == "__main__":
    try:
        main()
    except DataError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
