"""Measure the README's claims about speed, beside the usual pipeline.

The usual pipeline trains the plain network of 7,098 parameters for one epoch with Adam at
a constant 0.001, on torchvision's transforms of one image at a time in a DataLoader.
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
from torchvision.transforms import InterpolationMode

from pipeline.cli import make_parser, markdown_table, run_main
from pipeline.evaluation import accuracy, predict_probabilities, reference_network
from pipeline.mnist import load_mnist
from train import Recipe, add_synthetic_images, train

NORMALIZE = transforms.Normalize([0.1307], [0.3081])
NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR


def warps(mode):
    return [
        transforms.RandomRotation(15, mode),
        transforms.RandomAffine(0, (0.1, 0.1), (0.9, 1.1), interpolation=mode),
        transforms.RandomPerspective(0.2, p=0.5),  # always bilinear
    ]


ON_PIL = [*warps(NEAREST), transforms.ToTensor()]
ON_TENSORS = [transforms.ToTensor(), *warps(BILINEAR)]
USUAL = {  # pipeline: its transforms, and the processes that load images
    "PIL images": (ON_PIL, 0),
    "PIL images, 2 workers": (ON_PIL, 2),
    "tensors, bilinear": (ON_TENSORS, 0),
}
OURS = "this pipeline"
RUNS = 3  # of each pipeline


def train_usual(seed, steps, workers):
    """Network trained by a usual pipeline."""
    torch.manual_seed(seed)
    network = reference_network().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    transform = transforms.Compose([*steps, NORMALIZE])
    training_set = MNIST("data", download=True, transform=transform)
    loader = DataLoader(training_set, 64, shuffle=True, num_workers=workers)
    for images, labels in loader:
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return nn.Sequential(NORMALIZE, network.eval())


def time_epoch(name, seed):
    """Seconds of an epoch of a pipeline, and its test accuracy."""
    training_set, (images, labels) = load_mnist(), load_mnist(train=False)
    started = time.perf_counter()
    if name == OURS:
        torch.set_num_threads(1)
        recipe = Recipe(seed=seed)
        model = train(*add_synthetic_images("mnist", training_set, recipe), recipe)
    else:
        model = train_usual(seed, *USUAL[name])
    seconds = time.perf_counter() - started
    return seconds, accuracy(predict_probabilities(model, images), labels)


def main():
    make_parser(__doc__).parse_args()
    load_mnist()  # downloads once
    results = {name: [] for name in (*USUAL, OURS)}
    for seed in range(RUNS):
        for name, runs in results.items():  # in turn, each in a process of its own
            started = time.perf_counter()
            with ProcessPoolExecutor(1, get_context("spawn")) as executor:
                epoch, read = executor.submit(time_epoch, name, seed).result()
            runs.append((epoch, time.perf_counter() - started, read))

    medians = {name: np.median(runs, axis=0) for name, runs in results.items()}
    rows = []
    for name, (*times, test_accuracy) in medians.items():
        pairs = zip(times, medians[OURS][:2], strict=True)
        cells = [f"{seconds:.1f} s ({seconds / own:.1f} ×)" for seconds, own in pairs]
        rows.append([name, *cells, f"{test_accuracy:.2f} %"])
    header = [f"pipeline (medians of {RUNS})", "epoch", "whole process"]
    print(markdown_table([*header, "test accuracy"], rows))


if __name__ == "__main__":
    run_main(main)
