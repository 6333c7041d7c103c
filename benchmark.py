"""Measure the README's claims about performance, beside those of the usual pipeline.

The usual pipeline trains the plain network of 7,098 parameters for one epoch with Adam at
a constant 0.001, on torchvision's transforms of one tensor at a time in a DataLoader.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import InterpolationMode, v2
from tqdm import tqdm

import train
from augmentation import random_warp
from data import STROKES_TRAIN, DataError, load_mnist
from evaluation import CHANGES, accuracy, latencies, predict, reference_network
from model import load_checkpoint, newest_checkpoint
from strokes import draw_digits

USUAL_RUNS = 3  # of half a minute each
STROKES_RUNS = 10
GROWTH = {"epochs": (1, 2, 4), "batch_size": (32, 64, 128, 256, 512)}
FIGURE = "benchmark.png"
BILINEAR, NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST


def usual_warps(interpolation):
    return [
        v2.RandomRotation(15, interpolation),
        v2.RandomAffine(0, (0.1, 0.1), (0.9, 1.1), interpolation=interpolation),
        v2.RandomPerspective(0.2, interpolation=interpolation),
    ]


def usual_network():
    """The plain network behind the normalization that is customary for MNIST."""
    return nn.Sequential(v2.Normalize([0.1307], [0.3081]), reference_network())


def train_usual(seed, file):
    """Train the usual pipeline; save its weights, test it, and save how long it took."""
    torch.manual_seed(seed)
    network = usual_network().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    transform = v2.Compose([*to_tensor, *usual_warps(BILINEAR)])
    training_set = MNIST("data", transform=transform)
    started = time.perf_counter()
    for images, labels in DataLoader(training_set, batch_size=64, shuffle=True):
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - started
    images, labels = load_mnist()[1]
    accuracy(predict(network.eval(), images / 255), labels)
    torch.save({"seconds": seconds, "state_dict": network.state_dict()}, file)


def run_process(*arguments):
    """Seconds of a whole Python process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def run_usual(seed, folder):
    """Network, seconds of training, and seconds of the whole process."""
    file = f"{folder}/usual.pt"
    process_seconds = run_process(__file__, "--usual", str(seed), file)
    content = torch.load(file, weights_only=True)
    network = usual_network().eval()
    network.load_state_dict(content["state_dict"])
    return network, content["seconds"], process_seconds


def run_ours(seed, folder):
    """Network, seconds of training, and seconds of the whole process."""
    options = ("--dataset", "mnist", "--seed", str(seed), "--output-dir", folder)
    process_seconds = run_process(train.__file__, *options)
    network = load_checkpoint(newest_checkpoint(folder))
    return network, network.metadata["training_seconds"], process_seconds


def run_pipelines(seeds):
    """The runs of both pipelines, which take turns."""
    usual, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in tqdm(range(seeds), "Training in whole processes"):
            if seed < USUAL_RUNS:
                usual.append(run_usual(seed, folder))
            ours.append(run_ours(seed, folder))
    return usual, ours


def seconds_of(function, inputs, description):
    started = time.perf_counter()
    for each in tqdm(inputs, description, leave=False):
        function(each)
    return time.perf_counter() - started


def compare(name, usual, ours, unit):
    """Row of the medians of two lists and of their ratio."""
    usual, ours = statistics.median(usual), statistics.median(ours)
    ratio = f"{usual / ours:.1f} ×"
    return name, f"{usual:.3g} {unit}", f"{ours:.3g} {unit}", ratio


def spread(values):
    mean, n = statistics.mean(values), len(values)
    return f"{mean:.2f} % ({min(values):.2f} to {max(values):.2f}, n = {n})"


def measure_warps(images):
    """Rows of the time that the three warps of all images (N, 1, 28, 28) uint8 take."""
    pixels = images / 255
    pictures = [v2.functional.to_pil_image(image) for image in images]
    ours = [
        seconds_of(random_warp, pixels.split(train.CHUNK), "Warping") for _ in range(5)
    ]
    for name, inputs, interpolation in (
        ("the same warps, one by one, bilinear", pixels, BILINEAR),
        ("PIL images, one by one, nearest pixel", pictures, NEAREST),
    ):
        warps = v2.Compose(usual_warps(interpolation))
        usual = seconds_of(warps, inputs, f"Warping {name}")
        yield compare(f"warping {len(images):,} images: {name}", [usual], ours, "s")


def measure(seeds):
    """Rows of what both pipelines need and reach."""
    (images, _), (test_images, labels) = load_mnist()
    usual, ours = run_pipelines(seeds)
    yield from measure_warps(images)
    for column, name in enumerate(("training for one epoch", "whole process"), start=1):
        times = ([run[column] for run in runs] for runs in (usual, ours))
        yield compare(name, *times, "s")

    pixels = test_images / 255
    for name, change in {"as it is": lambda pixels: pixels, **CHANGES}.items():
        changed = change(pixels)
        yield (
            f"test accuracy: {name}",
            spread([accuracy(predict(run[0], changed), labels) for run in usual]),
            spread([accuracy(predict(run[0], changed), labels) for run in ours]),
            "",
        )
    strokes, accuracies = draw_digits(*STROKES_TRAIN), []
    for seed in tqdm(range(STROKES_RUNS), "Training on stroke digits"):
        with redirect_stdout(None):
            network = train.train(*strokes, seed=seed)
        accuracies.append(accuracy(predict(network, pixels), labels))
    yield "test accuracy: trained on strokes", "", spread(accuracies), ""

    for batch_size in (1, 32, 64):
        networks = reference_network(), ours[0][0]
        usual_ms, our_ms = latencies(networks, batch_size, repeats=1000)
        yield compare(f"latency, batch of {batch_size}", [usual_ms], [our_ms], "ms")


def draw_growth(training_set):
    """Figure of how the time to train grows."""
    from matplotlib.figure import Figure  # not a cost of the usual pipeline's process

    figure = Figure(figsize=(8, 3), layout="constrained")
    for axis, (option, values) in zip(
        figure.subplots(1, 2), GROWTH.items(), strict=True
    ):
        seconds = []
        for value in tqdm(values, f"Training with various {option}"):
            started = time.perf_counter()
            with redirect_stdout(None):
                train.train(*training_set, **{option: value})
            seconds.append(time.perf_counter() - started)
        axis.semilogx(values, seconds, "o-")
        axis.set(xlabel=option.replace("_", " "), ylabel="seconds of training")
        axis.set_ylim(bottom=0)
        axis.set_xticks(values, values)
        axis.minorticks_off()
    return figure


def print_table(rows, markdown):
    """Print rows of text, the first of which is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if markdown:
        rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    for row in rows:
        line = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print(f"| {' | '.join(line)} |" if markdown else "  ".join(line).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=train.number(int, 3, 1000), default=20)
    parser.add_argument("--markdown", action="store_true", help="as Markdown")
    parser.add_argument("--usual", nargs=2, help=argparse.SUPPRESS)  # runs itself
    args = parser.parse_args()
    if args.usual:
        train_usual(int(args.usual[0]), args.usual[1])
        return
    head = ("", "usual pipeline", "this pipeline", "ratio")
    print_table([head, *measure(args.seeds)], args.markdown)
    print(
        f"\n{platform.system()}, {platform.machine()}, "
        f"{torch.get_num_threads()} threads; Python {platform.python_version()}, torch {torch.__version__}, "
        f"torchvision {torchvision.__version__}."
    )
    draw_growth(load_mnist()[0]).savefig(FIGURE, dpi=120)
    print(f"Saved {FIGURE}")


if __name__ == "__main__":
    try:
        main()
    except (DataError, OSError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
