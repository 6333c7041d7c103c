"""Photographs of digits on paper, made up from MNIST's images.

`python -m experiments.photos` prints how many the newest checkpoint reads right.
"""

import io
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageFilter

from experiments.workers import in_parallel
from model import SimpleCNN
from pipeline.checkpoint import find_checkpoints, load_checkpoint
from pipeline.cli import run
from pipeline.data import load_mnist
from pipeline.evaluation import accuracy, classify
from predict import prepare


def to_bytes(images):
    """Images (N, 1, 28, 28) float in [0, 1] as an array (N, 28, 28) uint8."""
    return (255 * images[:, 0]).round().byte().numpy()


def photograph(image, seed, light_on_dark=False):
    """Opened JPEG of an image (28, 28) uint8, somewhere on a sheet in uneven light."""
    random = np.random.default_rng(seed)
    side = 28 * random.integers(4, 21)
    width, height = (int(side * random.uniform(1.1, 2.5)) for _ in range(2))
    digit = Image.fromarray(image).resize([side] * 2, Image.Resampling.BICUBIC)
    sheet = Image.new("L", (width, height))
    place = [random.integers(0, length - side + 1) for length in (width, height)]
    sheet.paste(digit, tuple(map(int, place)))
    sheet = sheet.filter(ImageFilter.GaussianBlur(random.uniform(0, side / 100)))
    ink = np.asarray(sheet, dtype=np.float32)[..., None] / 255

    paper = random.uniform(0.75, 1.0) * random.uniform(0.9, 1.0, 3)
    pen = random.uniform(0.0, 0.45, 3)
    photo = paper + ink * (pen - paper)
    if light_on_dark:
        photo = 1 - photo
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    angle = random.uniform(0, 2 * np.pi, 2)
    gradient = 1 + random.uniform(0, 0.25) * (
        x * np.cos(angle[0]) + y * np.sin(angle[0])
    )
    distance = x * np.cos(angle[1]) + y * np.sin(angle[1]) - random.uniform(-0.5, 0.5)
    softness = random.uniform(0.01, 0.1)
    shadow = 1 - random.uniform(0, 0.4) / (1 + np.exp(-distance / softness))
    photo = photo * (gradient * shadow)[..., None]
    photo = photo + random.normal(0, random.uniform(0.005, 0.03), photo.shape)

    pixels = (255 * photo.clip(0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(random.integers(50, 95)))
    return Image.open(file)


@cache  # in each worker
def load():
    """Model of the newest checkpoint, and images and labels of MNIST's test set."""
    torch.set_num_threads(1)  # for small pictures faster than two
    return load_checkpoint(find_checkpoints()[-1], SimpleCNN).model, *load_mnist(
        train=False
    )


def read_photographs(first, light_on_dark):
    """How many of 50 photographs of test images the newest checkpoint reads right."""
    model, images, labels = load()
    seeds = range(first, first + 50)
    right = 0
    for seed, image in zip(seeds, to_bytes(images[seeds]), strict=True):
        pixels = prepare(photograph(image, seed, light_on_dark))
        right += int(classify(model, pixels).argmax() == labels[seed])
    return right


def main():
    model, images, labels = load()
    for ink, light_on_dark in {"dark on light": False, "light on dark": True}.items():
        jobs = [(first, light_on_dark) for first in range(0, 1000, 50)]
        counts = dict(in_parallel(read_photographs, jobs, "Photographs"))
        percent = sum(counts.values()) / 10
        print(f"Photographs of 1,000 test images, {ink}: {percent:.1f} % read right.")
    pictures = [prepare(Image.fromarray(image)) for image in to_bytes(images)]
    plain = accuracy(classify(model, torch.cat(pictures)), labels)
    direct = accuracy(classify(model, images), labels)
    print(f"Plain 28 × 28 pictures: {plain:.2f} %; without a picture: {direct:.2f} %.")


if __name__ == "__main__":
    run(main)
