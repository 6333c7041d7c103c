"""How many pictures of MNIST's digits, made up kind by kind, are read right."""

import io
from functools import partial

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from tqdm import trange

from experiments.handwriting import score
from model import SimpleCNN
from pipeline.checkpoint import load_checkpoint
from pipeline.cli import make_parser, run_main
from pipeline.mnist import load_mnist
from pipeline.pictures import prepare

N = 500  # pictures of each kind
SIZE = 600, 500  # pixels: width and height of a sheet
PAPER, INK, PRINT = (235, 235, 230), (30, 30, 60), (30, 30, 40)
BLUE, WOOD, NOTE = (30, 50, 150), (200, 140, 80), (255, 170, 60)


def to_bytes(images):
    """Images (N, 1, 28, 28) float in [0, 1] as an array (N, 28, 28) uint8."""
    return (255 * images[:, 0]).round().byte().numpy()


def place(image, random, side, size, room=0.0):
    """A white digit on a black PIL image, with `room` of the free space on each side."""
    digit = Image.fromarray(image).resize([side] * 2, Image.Resampling.BICUBIC)
    corner = random.uniform(room, 1 - room, 2) * np.subtract(size, side)
    sheet = Image.new("L", size)
    sheet.paste(digit, tuple(map(int, corner)))
    return sheet


def crop_tight(image, seed, thicker=0):
    """A digit cropped to its ink and up to 5 %, the pen thicker by pixels of MNIST's."""
    random = np.random.default_rng(seed)
    side = random.integers(100, 400)
    ink = place(image, random, side, (side, side))
    ink = ink.filter(ImageFilter.MaxFilter(thicker * side // 28 | 1))
    ink = ink.crop(ink.point(lambda value: 255 * (value > 50)).getbbox())
    margin = round(random.uniform(0, 0.05) * max(ink.size))
    return ImageOps.colorize(ImageOps.expand(ink, margin), PAPER, INK)


def put_on_sheet(image, seed, colours=(PAPER, INK), size=SIZE, side=300, mark=None):
    """A digit on a clean sheet, on which `mark` prints lines."""
    random = np.random.default_rng(seed)
    ink = place(image, random, side, size, room=0.3)
    sheet = ImageOps.colorize(ink, *colours)
    if mark:
        mark(ImageDraw.Draw(sheet), random, ink.getbbox())
    return sheet


def rule(draw, random, _, colour=BLUE, grid=False):
    distance, width = random.integers(40, 80), random.integers(1, 4)
    for start in range(random.integers(distance), max(SIZE), distance):
        draw.line((0, start, max(SIZE), start), colour, width)
        if grid:
            draw.line((start, 0, start, max(SIZE)), colour, width)


def draw_box(draw, random, ink):
    gap, width = random.integers(12, 40), random.integers(2, 5)
    box = np.add(ink, [-gap, -gap, gap, gap])
    draw.rectangle(box.tolist(), outline=PRINT, width=width)


def photograph(image, seed, light_on_dark=False):
    """Opened JPEG of an image (28, 28) uint8, somewhere on a sheet in uneven light."""
    random = np.random.default_rng(seed)
    side = 28 * random.integers(4, 21)
    width, height = size = [int(side * random.uniform(1.1, 2.5)) for _ in range(2)]
    blur = ImageFilter.GaussianBlur(random.uniform(0, side / 100))
    ink = np.asarray(place(image, random, side, size).filter(blur))[..., None] / 255

    paper = random.uniform(0.75, 1.0) * random.uniform(0.9, 1.0, 3)
    photo = paper + ink * (random.uniform(0.0, 0.45, 3) - paper)
    if light_on_dark:
        photo = 1 - photo
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angles = random.uniform(0, 2 * np.pi, 2)
    slope, across = (x * np.cos(angle) + y * np.sin(angle) for angle in angles)
    gradient = 1 + random.uniform(0, 0.25) * slope
    beyond = (across - random.uniform(-0.5, 0.5)) / random.uniform(0.01, 0.1)
    shadow = 1 - random.uniform(0, 0.4) * beyond.clip(0, 1)
    light = (gradient * shadow)[..., None]
    grain = random.normal(0, random.uniform(0.005, 0.03), photo.shape)
    pixels = (255 * (photo * light + grain).clip(0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(random.integers(50, 95)))
    return Image.open(file)


KINDS = {
    "Photograph, dark on light": photograph,
    "Photograph, light on dark": partial(photograph, light_on_dark=True),
    "Cropped, margin of 0 to 5 %": crop_tight,
    "Cropped, thick marker": partial(crop_tight, thicker=2),
    "Blue on wood": partial(put_on_sheet, colours=(WOOD, BLUE)),
    "Blue on an orange note": partial(put_on_sheet, colours=(NOTE, BLUE)),
    "Ruled paper": partial(put_on_sheet, mark=rule),
    "Dark grid": partial(put_on_sheet, mark=partial(rule, colour=PRINT, grid=True)),
    "In a printed box": partial(put_on_sheet, mark=draw_box),
    "Small on a large sheet": partial(put_on_sheet, size=(1920, 1080), side=118),
    "As it is, 28 × 28": lambda image, seed: Image.fromarray(image),
}


def make_pictures(images, labels):
    """Yield kind, digit and pixels (1, 1, 28, 28) of each; None where it is refused."""
    digits = to_bytes(images[:N])
    for kind, make in KINDS.items():
        for i in trange(N, desc=kind, disable=None):
            picture = make(digits[i], i)
            try:
                pixels = prepare(picture)
            except ValueError:
                pixels = None
            yield kind, labels[i].item(), pixels
    for i in range(N):
        yield "The same without a picture", labels[i].item(), images[[i]]


def main():
    make_parser(__doc__).parse_args()
    torch.set_num_threads(1)  # two would wait for each other
    model = load_checkpoint(SimpleCNN).model
    print(score(make_pictures(*load_mnist(train=False)), model))


if __name__ == "__main__":
    run_main(main)
