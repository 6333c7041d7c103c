"""Measure the README's claims about performance, beside those of the usual pipeline.

The usual pipeline trains the plain network of 7,098 parameters for one epoch with Adam at
a constant 0.001, on torchvision's transforms of one image at a time in a DataLoader.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST
from torchvision.transforms import InterpolationMode, v2

import train
from checkpoint import CheckpointError, find_checkpoints, load_checkpoint
from data import DataError, load_mnist, to_pixels
from evaluation import CHANGES, accuracy, latencies, predict, reference_network
from model import SimpleCNN
from predict import prepare
from sweep import in_parallel, load_training_set, train_and_measure

USUAL = {  # pipeline: kind of images, processes that load them
    "PIL images": ("pil", 0),
    "PIL images, 2 workers": ("pil", 2),
    "tensors, bilinear": ("tensor", 0),
}
RUNS = 3  # of each pipeline as a whole process, in turn
EPOCHS = (1, 2, 4, 8)
INPUTS = {"as it is": lambda pixels: pixels, **CHANGES}
NORMALIZE = transforms.Normalize([0.1307], [0.3081])


def usual_transform(kind):
    """What is written for PIL images, and the same warps of tensors."""
    if kind == "pil":
        warps = [
            transforms.RandomRotation(15),
            transforms.RandomAffine(0, translate=(0.1, 0.1), scale=(0.9, 1.1)),
            transforms.RandomPerspective(0.2, p=0.5),
        ]
        return transforms.Compose([*warps, transforms.ToTensor(), NORMALIZE])
    to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    bilinear = InterpolationMode.BILINEAR
    warps = [
        v2.RandomRotation(15, bilinear),
        v2.RandomAffine(0, (0.1, 0.1), (0.9, 1.1), interpolation=bilinear),
        v2.RandomPerspective(0.2, p=0.5, interpolation=bilinear),
    ]
    return v2.Compose([*to_tensor, *warps, NORMALIZE])


def train_usual(kind, workers, seed, file):
    """Train the usual pipeline, test it, and save how long it took and what it reads."""
    torch.manual_seed(seed)
    network = reference_network().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    training_set = MNIST("data", transform=usual_transform(kind))
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
    pixels = to_pixels(images)
    read = {
        name: accuracy(predict(model, f(pixels)), labels) for name, f in INPUTS.items()
    }
    torch.save({"seconds": seconds, "accuracies": read}, file)


def seconds_of_process(*arguments):
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def compare_pipelines():
    """Print seconds of an epoch and of a whole process, and what the usual ones read."""
    epochs = {name: [] for name in (*USUAL, "this pipeline")}
    processes = {name: [] for name in epochs}
    accuracies = []
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/usual.pt"
        for seed in range(RUNS):
            for name, (kind, workers) in USUAL.items():
                arguments = ["--usual", kind, str(workers), str(seed), file]
                processes[name].append(seconds_of_process(__file__, *arguments))
                content = torch.load(file, weights_only=True)
                epochs[name].append(content["seconds"])
                if name == "PIL images":
                    accuracies.append(content["accuracies"])
            options = [
                "--dataset",
                "mnist",
                "--seed",
                str(seed),
                "--output-dir",
                folder,
            ]
            ours = seconds_of_process(train.__file__, *options)
            processes["this pipeline"].append(ours)
            record = load_checkpoint(find_checkpoints(folder)[-1]).metadata
            epochs["this pipeline"].append(record["training_seconds"])

    ours = epochs["this pipeline"], processes["this pipeline"]
    print(f"\n| pipeline (medians of {RUNS}, in turn) | epoch | | process | |")
    print("| --- | --: | --: | --: | --: |")
    for name, epoch_times in epochs.items():
        cells = []
        for times, own in zip((epoch_times, processes[name]), ours, strict=True):
            seconds = statistics.median(times)
            cells += [f"{seconds:.1f} s", f"{seconds / statistics.median(own):.1f} ×"]
        print(f"| {name} | {' | '.join(cells)} |")
    return accuracies


def compare_accuracy(usual, seeds):
    """Print what both pipelines read of changed test images."""
    runs = in_parallel(
        train_and_measure, [("mnist", seed) for seed in range(seeds)], "Seeds"
    )
    print("\n| test images | usual | this pipeline |\n| --- | --: | --: |")
    for name in INPUTS:
        figure = "accuracy" if name == "as it is" else f"{name}_accuracy"
        columns = [run[name] for run in usual], [run[figure] for run in runs]
        print(f"| {name} | {' | '.join(map(spread, columns))} |")
    strokes = in_parallel(
        train_and_measure, [("strokes", s) for s in range(10)], "Strokes"
    )
    on_mnist = spread([run["mnist_accuracy"] for run in strokes])
    print(f"| as it is, trained on stroke digits | | {on_mnist} |")


def spread(values):
    low, high = min(values), max(values)
    return (
        f"{statistics.mean(values):.2f} % ({low:.2f} to {high:.2f}, n = {len(values)})"
    )


def train_for(epochs, seed):
    """Seconds of training for so many epochs, and the test accuracy then."""
    training_set = load_training_set("mnist")
    started = time.perf_counter()
    model = train.train(*training_set, train.Recipe(epochs=epochs, seed=seed))
    seconds = time.perf_counter() - started
    images, labels = load_mnist()[1]
    return seconds, accuracy(predict(model, to_pixels(images)), labels)


def compare_epochs():
    """Print what more epochs bring, and how a second process scales."""
    print("\n| epochs (n = 5) | test accuracy | seconds |\n| --: | --: | --: |")
    for epochs in EPOCHS:
        runs = in_parallel(train_for, [(epochs, seed) for seed in range(5)], "Epochs")
        seconds, accuracies = zip(*runs, strict=True)
        print(f"| {epochs} | {spread(accuracies)} | {statistics.median(seconds):.1f} |")
    jobs = [(1, seed) for seed in range(12)]
    seconds = []
    for processes in (1, 2):
        started = time.perf_counter()
        in_parallel(train_for, jobs, f"Training in {processes}", processes)
        seconds.append(time.perf_counter() - started)
    one, two = seconds
    print(
        f"\n12 seeds: {one:.0f} s in one process, {two:.0f} s in two, {one / two:.2f} ×."
    )


def milliseconds(function, repeats=300):
    """Least milliseconds of a call."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def measure_convolutions():
    """Print the convolutions' share of a training step, and their speed."""
    torch.set_num_threads(1)
    batch_size = train.Recipe.batch_size
    model, pixels = SimpleCNN().train(), torch.rand(batch_size, 1, 28, 28)
    labels = torch.randint(10, (batch_size,))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(pixels), labels).backward()
        optimizer.step()

    def back_and_forth(layer, inputs, gradient):
        layer(inputs).backward(gradient)

    whole = milliseconds(step)
    convolutions, operations, signal = 0, 0, pixels
    for layer in model:
        inputs, signal = signal, layer(signal).detach()
        if isinstance(layer, nn.Conv2d):
            inputs.requires_grad_(layer is not model[1])  # as in training
            gradient = torch.rand_like(signal)
            passes = 3 if inputs.requires_grad else 2
            convolutions += milliseconds(
                partial(back_and_forth, layer, inputs, gradient)
            )
            operations += 2 * passes * signal[:, 0].numel() * layer.weight.numel()
    side = torch.rand(1024, 1024)
    limit = 2 * 1024**3 / milliseconds(lambda: side @ side, 20) / 1e6
    reached = operations / convolutions / 1e6
    print(
        f"\nA step takes {whole:.2f} ms, its convolutions {convolutions:.2f} ms "
        f"({convolutions / whole:.0%}), at {reached:.0f} of the {limit:.0f} GFLOP/s that a "
        f"large matrix product reaches in one thread."
    )


def measure_latency():
    networks = reference_network(), SimpleCNN().eval()
    print(
        "\n| latency (least of 1,000) | plain network | this one |\n| --- | --: | --: |"
    )
    for batch_size in (1, 32, 64):
        cells = [f"{ms:.3f} ms" for ms in latencies(networks, batch_size, repeats=1000)]
        print(f"| batch of {batch_size} | {' | '.join(cells)} |")


def read_photos(first, light_on_dark):
    """How many of 50 photographs of test images the newest checkpoint reads right."""
    sys.path.append(str(Path(__file__).with_name("tests")))
    from photos import photograph

    torch.set_num_threads(1)
    images, labels = load_mnist()[1]
    model = load_checkpoint(find_checkpoints()[-1]).model
    right = 0
    for i in range(first, first + 50):
        picture = photograph(images[i, 0].numpy(), i, light_on_dark)
        guess = predict(model, prepare(picture)).argmax()
        right += bool(guess == labels[i])
    return right


def measure_photos():
    """Print how the newest checkpoint reads pictures of the test images."""
    for name, light_on_dark in {"dark on light": False, "light on dark": True}.items():
        jobs = [(first, light_on_dark) for first in range(0, 1000, 50)]
        right = sum(in_parallel(read_photos, jobs, "Reading photographs"))
        print(f"\nPhotographs, {name}: {right} of 1,000 read right.")
    images, labels = load_mnist()[1]
    model = load_checkpoint(find_checkpoints()[-1]).model
    pictures = [prepare(Image.fromarray(image[0].numpy())) for image in images]
    plain = accuracy(predict(model, torch.cat(pictures)), labels)
    direct = accuracy(predict(model, to_pixels(images)), labels)
    print(
        f"\nPlain 28 × 28 pictures: {plain:.2f} %; without a picture: {direct:.2f} %."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=train.number(int, 2, 1000), default=20)
    parser.add_argument("--usual", nargs=4, help=argparse.SUPPRESS)  # runs itself
    args = parser.parse_args()
    if args.usual:
        kind, workers, seed, file = args.usual
        train_usual(kind, int(workers), int(seed), file)
        return
    measure_convolutions()
    measure_latency()
    usual = compare_pipelines()
    compare_accuracy(usual, args.seeds)
    compare_epochs()
    measure_photos()
    print(
        f"\n{platform.system()}, {platform.machine()}; Python {platform.python_version()}, "
        f"torch {torch.__version__}, torchvision {torchvision.__version__}."
    )


if __name__ == "__main__":
    try:
        main()
    except (CheckpointError, DataError, OSError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
