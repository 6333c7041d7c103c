"""Pictures of digits as people make them, made up from MNIST's images, kind by kind.

`python -m experiments.photos` prints how many of each the newest checkpoint reads right.
"""

import io
from functools import cache, partial

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from experiments.workers import in_parallel
from model import SimpleCNN
from pipeline.checkpoint import find_checkpoints, load_checkpoint
from pipeline.cli import make_parser, markdown_table, run
from pipeline.evaluation import accuracy, classify
from pipeline.mnist import load_mnist
from pipeline.pictures import prepare

N = 1000  # pictures of each kind
PAPER, INK = (235, 235, 230), (30, 30, 60)
SIZE = 600, 500  # pixels: width and height of a sheet
BLUE, WOOD, NOTE = (30, 50, 150), (200, 140, 80), (255, 170, 60)


def to_bytes(images):
    """Images (N, 1, 28, 28) float in [0, 1] as an array (N, 28, 28) uint8."""
    return (255 * images[:, 0]).round().byte().numpy()


def crop_tight(image, seed, margin, thicker=0):
    """A digit cropped to its ink and a margin, as a share of its longer side.

    Its pen is thicker by so many pixels of MNIST.
    """
    side = int(np.random.default_rng(seed).integers(100, 400))
    digit = Image.fromarray(image).resize([side] * 2, Image.Resampling.BICUBIC)
    digit = digit.filter(ImageFilter.MaxFilter(thicker * side // 28 | 1))
    digit = digit.crop(digit.point(lambda value: 255 * (value > 50)).getbbox())
    sheet = Image.new("RGB", digit.size, PAPER)
    sheet.paste(INK, mask=digit)
    return ImageOps.expand(sheet, round(margin * max(digit.size)), PAPER)


def put_on_sheet(image, seed, colours=(PAPER, INK), size=SIZE, side=300, mark=None):
    """A digit on a clean sheet, on which `mark` draws lines."""
    random = np.random.default_rng(seed)
    digit = Image.fromarray(image).resize([side] * 2, Image.Resampling.BICUBIC)
    sheet = Image.new("RGB", size, colours[0])
    left, top = (int(random.uniform(0.3, 0.7) * (length - side)) for length in size)
    sheet.paste(colours[1], (left, top), digit)
    if mark:
        mark(ImageDraw.Draw(sheet), random, (left, top), digit.getbbox())
    return sheet


def draw_rules(draw, random, *_):
    for y in range(random.integers(60), SIZE[1], 60):
        draw.line((0, y, SIZE[0], y), (50, 80, 150), 2)


def draw_grid(draw, random, *_):
    distance, width = random.integers(40, 80), int(random.integers(1, 4))
    for place in range(random.integers(distance), SIZE[0], distance):
        draw.line((0, place, SIZE[0], place), (60, 60, 60), width)
        draw.line((place, 0, place, SIZE[1]), (60, 60, 60), width)


def draw_box(draw, random, place, ink):
    gap, width = int(random.integers(12, 40)), int(random.integers(2, 5))
    corners = np.reshape(ink, (2, 2)) + place + [[-gap], [gap]]
    draw.rectangle([*map(tuple, corners)], outline=(30, 30, 40), width=width)


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
    angles = random.uniform(0, 2 * np.pi, 2)
    slope, across = (x * np.cos(angle) + y * np.sin(angle) for angle in angles)
    gradient = 1 + random.uniform(0, 0.25) * slope
    distance = across - random.uniform(-0.5, 0.5)
    softness = random.uniform(0.01, 0.1)
    shadow = 1 - random.uniform(0, 0.4) / (1 + np.exp(-distance / softness))
    photo = photo * (gradient * shadow)[..., None]
    photo = photo + random.normal(0, random.uniform(0.005, 0.03), photo.shape)

    pixels = (255 * photo.clip(0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(random.integers(50, 95)))
    return Image.open(file)


KINDS = {
    "Photograph, dark on light": photograph,
    "Photograph, light on dark": partial(photograph, light_on_dark=True),
    "Cropped to the ink": partial(crop_tight, margin=0),
    "Cropped, margin of 2 %": partial(crop_tight, margin=0.02),
    "Cropped, margin of 5 %": partial(crop_tight, margin=0.05),
    "Cropped, thick marker": partial(crop_tight, margin=0.05, thicker=2),
    "Blue on wood": partial(put_on_sheet, colours=(WOOD, BLUE)),
    "Blue on an orange note": partial(put_on_sheet, colours=(NOTE, BLUE)),
    "Ruled paper": partial(put_on_sheet, mark=draw_rules),
    "Dark grid": partial(put_on_sheet, mark=draw_grid),
    "In a printed box": partial(put_on_sheet, mark=draw_box),
    "Small on a large sheet": partial(put_on_sheet, size=(1920, 1080), side=118),
}


@cache  # in each worker
def load():
    """Model of the newest checkpoint, and images and labels of MNIST's test set."""
    torch.set_num_threads(1)  # for small pictures faster than two
    model = load_checkpoint(find_checkpoints()[-1], SimpleCNN).model
    return model, *load_mnist(train=False)


def count_right(kind, first):
    """How many of 50 pictures of a kind the newest checkpoint reads right."""
    model, images, labels = load()
    seeds = range(first, first + 50)
    right = 0
    for seed, image in zip(seeds, to_bytes(images[seeds]), strict=True):
        try:
            pixels = prepare(KINDS[kind](image, seed))
        except ValueError:
            continue
        right += int(classify(model, pixels).argmax() == labels[seed])
    return right


def main():
    make_parser(__doc__).parse_args()
    jobs = [(kind, first) for kind in KINDS for first in range(0, N, 50)]
    right = dict.fromkeys(KINDS, 0)
    for (kind, _), count in in_parallel(count_right, jobs, "Pictures"):
        right[kind] += count
    rows = [[kind, f"{100 * count / N:.1f} %"] for kind, count in right.items()]
    model, images, labels = load()
    pictures = [prepare(Image.fromarray(image)) for image in to_bytes(images)]
    plain = accuracy(classify(model, torch.cat(pictures)), labels)
    direct = accuracy(classify(model, images), labels)
    rows.append([f"All {len(images):,} as plain 28 × 28 pictures", f"{plain:.2f} %"])
    rows.append(["The same without a picture", f"{direct:.2f} %"])
    print(markdown_table([f"{N:,} pictures each", "read right"], rows))


if __name__ == "__main__":
    run(main)
