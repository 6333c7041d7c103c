"""Compare the speed of this pipeline with that of a baseline, as a Markdown table.

The baseline pipeline trains a baseline network of 7,098 parameters for one epoch with Adam at
a constant learning rate of 0.001. A DataLoader gives it MNIST's images, which torchvision
augments one at a time. Example: python -m experiments.benchmark
"""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST

from pipeline.cli import make_parser, markdown_table, run_main
from pipeline.evaluation import accuracy, baseline_network, predict_probabilities
from pipeline.mnist import load_mnist
from train import Recipe, add_synthetic_images, train

NORMALIZE = transforms.Normalize([0.1307], [0.3081])  # MNIST's mean and deviation
AUGMENT = [
    transforms.RandomRotation(15),
    transforms.RandomAffine(0, (0.1, 0.1), (0.9, 1.1)),
    transforms.RandomPerspective(0.2, p=0.5),
    transforms.ToTensor(),
    NORMALIZE,
]
OURS = "this pipeline"
# Each pipeline, and how many worker processes its DataLoader has
WORKERS = {"PIL images": 0, "PIL images, 2 workers": 2, OURS: None}
RUNS = 3  # of each pipeline


def train_baseline(seed, workers):
    torch.manual_seed(seed)
    network = baseline_network().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    augment = transforms.Compose(AUGMENT)
    training_set = MNIST("data", download=True, transform=augment)
    loader = DataLoader(training_set, 64, shuffle=True, num_workers=workers)
    for images, labels in loader:
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return nn.Sequential(NORMALIZE, network.eval())


def time_epoch(name, seed):
    """Return the seconds of one epoch of a pipeline, and its test accuracy."""
    training_set, (images, labels) = load_mnist(), load_mnist(train=False)
    started = time.perf_counter()
    if name == OURS:
        torch.set_num_threads(1)  # as in train.py
        digits, recipe = add_synthetic_images("mnist", training_set, Recipe(seed=seed))
        model = train(*digits, recipe)
    else:
        model = train_baseline(seed, WORKERS[name])
    seconds = time.perf_counter() - started
    return seconds, accuracy(predict_probabilities(model, images), labels)


def main():
    make_parser(__doc__).parse_args()
    load_mnist()  # downloads MNIST before the first measurement
    results = {name: [] for name in WORKERS}
    for seed in range(RUNS):
        for name, runs in results.items():  # in turn, each in a new process
            with ProcessPoolExecutor(1, get_context("spawn")) as executor:
                runs.append(executor.submit(time_epoch, name, seed).result())

    medians = {name: np.median(runs, axis=0) for name, runs in results.items()}
    our_seconds, _ = medians[OURS]
    rows = []
    for name, (seconds, percent) in medians.items():
        ratio = f"{seconds / our_seconds:.1f} ×"
        rows.append([name, f"{seconds:.1f} s", ratio, f"{percent:.2f} %"])
    header = [f"pipeline (medians of {RUNS})", "epoch", "ratio", "test accuracy"]
    print(markdown_table(header, rows))


if __name__ == "__main__":
    run_main(main)
