"""Measure the README's claims about speed, beside the usual pipeline.

The usual pipeline trains the plain network of 7,098 parameters for one epoch with Adam at
a constant 0.001, on torchvision's transforms of one image at a time in a DataLoader.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.profiler import profile
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms
from torchvision.datasets import MNIST

import train
from checkpoint import find_checkpoints, load_checkpoint
from data import load_mnist
from errors import run
from evaluation import accuracy, predict, reference_network
from model import SimpleCNN

NORMALIZE = transforms.Normalize([0.1307], [0.3081])
ON_PIL = [
    transforms.RandomRotation(15),
    transforms.RandomAffine(0, translate=(0.1, 0.1), scale=(0.9, 1.1)),
    transforms.RandomPerspective(0.2, p=0.5),
    transforms.ToTensor(),
]
BILINEAR = transforms.InterpolationMode.BILINEAR
ON_TENSORS = [
    transforms.ToTensor(),
    transforms.RandomRotation(15, BILINEAR),
    transforms.RandomAffine(0, (0.1, 0.1), (0.9, 1.1), interpolation=BILINEAR),
    transforms.RandomPerspective(0.2, p=0.5, interpolation=BILINEAR),
]
USUAL = {  # pipeline: its transforms, and the processes that load images
    "PIL images": (ON_PIL, 0),
    "PIL images, 2 workers": (ON_PIL, 2),
    "tensors, bilinear": (ON_TENSORS, 0),
}
OURS = "this pipeline"
RUNS = 3  # of each pipeline
STEPS = 200  # of training, profiled


def train_usual(name, seed):
    """Seconds of an epoch of a usual pipeline, and its test accuracy."""
    torch.manual_seed(seed)
    network = reference_network().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    steps, workers = USUAL[name]
    training_set = MNIST("data", transform=transforms.Compose([*steps, NORMALIZE]))
    loader = DataLoader(training_set, 64, shuffle=True, num_workers=workers)
    started = time.perf_counter()
    for images, labels in loader:
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - started
    images, labels = load_mnist()[1]
    model = nn.Sequential(NORMALIZE, network.eval())
    return seconds, accuracy(predict(model, images), labels)


def compare_pipelines():
    """Print seconds of an epoch and of a whole process, and accuracies, run in turn."""
    measured = {name: [] for name in (*USUAL, OURS)}
    for seed in range(RUNS):
        for name in USUAL:
            started = time.perf_counter()
            with ProcessPoolExecutor(1, get_context("spawn")) as executor:
                epoch, read = executor.submit(train_usual, name, seed).result()
            measured[name].append((epoch, time.perf_counter() - started, read))
        with tempfile.TemporaryDirectory() as folder:
            options = ["--dataset=mnist", f"--seed={seed}", f"--output-dir={folder}"]
            command = [sys.executable, train.__file__, *options]
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            process = time.perf_counter() - started
            record = load_checkpoint(find_checkpoints(folder)[-1]).metadata
        result = record["training_seconds"], process, record["test_accuracy"]
        measured[OURS].append(result)
    medians = {}
    for name, results in measured.items():
        medians[name] = [statistics.median(c) for c in zip(*results, strict=True)]
    print(f"| pipeline (medians of {RUNS}) | epoch | whole process | test accuracy |")
    print("| --- | --: | --: | --: |")
    for name, (*times, test_accuracy) in medians.items():
        pairs = zip(times, medians[OURS], strict=False)
        cells = [f"{seconds:.1f} s ({seconds / own:.1f} ×)" for seconds, own in pairs]
        print(f"| {name} | {' | '.join(cells)} | {test_accuracy:.2f} % |")


def measure_convolutions():
    """Print the convolutions' share of a training step in one thread, and their speed."""
    torch.set_num_threads(1)
    n = train.Recipe.batch_size
    pixels, labels = torch.rand(n, 1, 28, 28), torch.randint(10, (n,))
    model = SimpleCNN().train()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(pixels), labels).backward()
        optimizer.step()

    with FlopCounterMode(display=False) as counter:
        step()
    counts = counter.get_flop_counts()["Global"]
    operations = sum(n for name, n in counts.items() if "convolution" in str(name))
    with profile(use_kineto=False) as profiler:
        for _ in range(STEPS):
            step()
    whole = profiler.self_cpu_time_total / STEPS / 1000  # milliseconds
    events = [e for e in profiler.key_averages() if "convolution" in e.key]
    convolutions = sum(e.self_cpu_time_total for e in events) / STEPS / 1000

    square = torch.rand(1024, 1024)
    with profile(use_kineto=False) as profiler:
        for _ in range(20):
            square @ square
    limit = 20 * 2 * 1024**3 / profiler.self_cpu_time_total / 1000
    print(
        f"\nA step takes {whole:.1f} ms, its convolutions {convolutions:.1f} ms "
        f"({convolutions / whole:.0%}), at {operations / convolutions / 1e6:.0f} of the "
        f"{limit:.0f} GFLOP/s that a large matrix product reaches in one thread."
    )


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    load_mnist()  # downloads once
    compare_pipelines()
    measure_convolutions()


if __name__ == "__main__":
    run(main)
