"""Measure the README's claims about performance, beside those of the usual pipeline.

The usual pipeline trains the plain network of 7,098 parameters for one epoch with Adam at a
constant learning rate of 0.001, on torchvision's per-image transforms through a DataLoader.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from functools import partial

import torch
import torch.nn.functional as F
import torchvision
from matplotlib.figure import Figure
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from tqdm import tqdm

import train
from augmentation import augment
from data import DataError, load_mnist
from evaluation import CHANGES, accuracy, latencies, predict, reference_network
from model import load_checkpoint, newest_checkpoint

USUAL_RUNS = 3  # each takes half a minute
EPOCHS = (1, 2, 4)
BATCH_SIZES = (32, 64, 128, 256, 512)
FIGURE = "benchmark.png"


def usual_warps():
    return [
        transforms.RandomRotation(15),
        transforms.RandomAffine(degrees=0, translate=(0.1, 0.1), scale=(0.9, 1.1)),
        transforms.RandomPerspective(distortion_scale=0.2, p=0.5),
    ]


def usual_network():
    """The plain network behind the normalization that is customary for MNIST."""
    return nn.Sequential(
        transforms.Normalize((0.1307,), (0.3081,)), reference_network()
    )


def train_usual(seed, file):
    """Train the usual pipeline and save its weights, seconds of training and accuracy."""
    torch.manual_seed(seed)
    network = usual_network().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    augmented = transforms.Compose([*usual_warps(), transforms.ToTensor()])
    loader = DataLoader(
        datasets.MNIST("data", transform=augmented), batch_size=64, shuffle=True
    )
    started = time.perf_counter()
    for images, labels in loader:
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    metadata = {"training_seconds": time.perf_counter() - started}
    images, labels = load_mnist()[1]
    metadata["test_accuracy"] = accuracy(predict(network.eval(), images / 255), labels)
    torch.save({"metadata": metadata, "state_dict": network.state_dict()}, file)


def run_usual(seed, folder):
    """Model, metadata and seconds of one whole process of the usual pipeline."""
    file = f"{folder}/usual.pt"
    seconds = run_process("benchmark.py", "--usual", str(seed), file)
    content = torch.load(file, weights_only=True)
    network = usual_network().eval()
    network.load_state_dict(content["state_dict"])
    return network, content["metadata"], seconds


def run_ours(seed, folder):
    """Model, metadata and seconds of one whole process of train.py."""
    options = ("--dataset", "mnist", "--seed", str(seed), "--output-dir", folder)
    seconds = run_process("train.py", *options)
    model = load_checkpoint(newest_checkpoint(folder))
    return model, model.metadata, seconds


def run_process(*arguments):
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def median_seconds(function, repeats):
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def measure_pipelines(seeds):
    """Runs of the usual pipeline and of this one, taking turns."""
    usual, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in tqdm(range(seeds), "Training whole processes"):
            if seed < USUAL_RUNS:
                usual.append(run_usual(seed, folder))
            ours.append(run_ours(seed, folder))
    return usual, ours


def measure_warps(images):
    """Median seconds in which both pipelines warp all `images`."""
    warp = transforms.Compose(
        [transforms.ToPILImage(), *usual_warps(), transforms.ToTensor()]
    )
    usual = median_seconds(
        lambda: [warp(image) for image in tqdm(images, "Warping")], 1
    )
    ours = median_seconds(
        lambda: [augment(batch / 255) for batch in images.split(64)], 5
    )
    return usual, ours


def draw_growth(training_set):
    """Figure of the training time for several numbers of epochs and batch sizes."""
    figure = Figure(figsize=(8, 3), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    for axis, option, values in (
        (left, "epochs", EPOCHS),
        (right, "batch_size", BATCH_SIZES),
    ):
        seconds = []
        for value in tqdm(values, f"Training with various {option}"):
            with redirect_stdout(None):
                run = partial(train.train, *training_set, **{option: value})
                seconds.append(median_seconds(run, 1))
        axis.plot(values, seconds, "o-")
        axis.set(
            xlabel=option.replace("_", " "), xscale="log", ylim=(0, 1.1 * max(seconds))
        )
        axis.set_xticks(values, values)
        axis.minorticks_off()
    left.set_ylabel("seconds of training")
    return figure


def spread(values, unit="", digits=2):
    """Mean, range and number of the values as text."""
    low, high, n = min(values), max(values), len(values)
    mean = statistics.mean(values)
    return f"{mean:.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f}, n = {n})"


def compare(name, usual, ours, unit):
    """Row of two medians and their ratio."""
    usual, ours = statistics.median(usual), statistics.median(ours)
    return (
        name,
        f"{usual:.2f} {unit}",
        f"{ours:.2f} {unit}",
        f"{usual / ours:.1f} times as fast",
    )


def measure(seeds):
    """Rows of what is measured: the usual pipeline, this one, and how they compare."""
    (images, _), (test_images, test_labels) = load_mnist()
    usual_runs, our_runs = measure_pipelines(seeds)
    usual_warp, our_warp = measure_warps(images)
    rows = [compare("three warps of 60,000 images", [usual_warp], [our_warp], "s")]
    for name, seconds in {
        "training, one epoch": lambda run: run[1]["training_seconds"],
        "whole process": lambda run: run[2],
    }.items():
        rows.append(
            compare(name, map(seconds, usual_runs), map(seconds, our_runs), "s")
        )

    pixels = test_images / 255
    for name, change in {"MNIST test set": lambda pixels: pixels, **CHANGES}.items():
        changed = change(pixels)
        means = []
        for runs in (usual_runs, our_runs):
            accuracies = [
                accuracy(predict(run[0], changed), test_labels) for run in runs
            ]
            means.append(spread(accuracies, "%"))
        rows.append((f"accuracy: {name}", *means, ""))

    for batch_size in (1, 32, 64):
        usual, ours = latencies(
            [usual_runs[0][0], our_runs[0][0]], batch_size, repeats=1000
        )
        rows.append(compare(f"latency, batch size {batch_size}", [usual], [ours], "ms"))
    return rows


def print_table(rows, markdown):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        for row in rows
    ]
    if markdown:
        lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        print("| " + " | ".join(line) + " |" if markdown else "  ".join(line).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=train.number(int, 1, 1000), default=20)
    parser.add_argument(
        "--markdown", action="store_true", help="print tables as Markdown"
    )
    parser.add_argument(
        "--usual", nargs=2, help=argparse.SUPPRESS
    )  # its own whole process
    args = parser.parse_args()
    if args.usual:
        return train_usual(int(args.usual[0]), args.usual[1])

    rows = [("", "usual pipeline", "this pipeline", "this is"), *measure(args.seeds)]
    print_table(rows, args.markdown)
    print(
        f"\n{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, "
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"torchvision {torchvision.__version__}; n = {args.seeds} and {USUAL_RUNS}"
    )
    draw_growth(load_mnist()[0]).savefig(FIGURE)
    print(f"Saved {FIGURE}")


if __name__ == "__main__":
    try:
        main()
    except DataError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
