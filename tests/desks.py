"""Harder pictures of digits: each function makes one kind, with a fixed seed."""

from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from sheets import INK, PAPER, place

DESKS = {"dark": (50, 45, 42), "wooden": (150, 100, 60), "light grey": (180, 180, 178)}


def put_on_desk(image, seed, desk):
    """Return a digit on a turned sheet, whose edges lie on a desk."""
    random = np.random.default_rng(seed)
    width, height = size = [int(side) for side in random.integers(500, 900, 2)]
    grain = random.normal(0, 1, (height // 6 + 1, 1))  # stripes
    stripes = Image.fromarray(grain).resize(size, Image.Resampling.BICUBIC)
    turned = random.uniform(-12, 12)
    sides = [int(side * random.uniform(0.6, 0.85)) for side in size]
    side = int(min(sides) * random.uniform(0.5, 0.8))
    ink = place(image, random, side, sides, room=0.2).rotate(turned, expand=True)
    sheet = Image.new("L", sides, 255).rotate(turned, expand=True)
    room = np.subtract(size, ink.size)
    corner = (room / 2 + random.uniform(-0.5, 0.5, 2) * abs(room)).astype(int)

    photo = Image.new("RGB", size, desk)
    photo.paste(PAPER, tuple(corner), sheet)
    photo.paste(INK, tuple(corner), ink)
    photo = np.array(photo.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 2))))
    is_desk = np.abs(photo.astype(int) - desk).max(axis=2) < 10
    wood = 12 * np.asarray(stripes) * is_desk
    light = 1 - random.uniform(0, 0.3) * np.mgrid[0 : 1 : width * 1j]
    noise = random.normal(0, 4, (height, width))
    pixels = (photo + (wood + noise)[..., None]) * light[:, None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write(image, random, size=(600, 500), side=300):
    """Return a sheet with a digit, the digit's ink and the width of its pen."""
    ink = place(image, random, side, size, room=0.3)
    sheet = Image.new("RGB", size, PAPER)
    sheet.paste(INK, (0, 0), ink)
    return sheet, ink, side // 10


def print_tilted_rules(image, seed, grid):
    """Return a digit on dark rules or a grid, tilted by 1 to 3 degrees."""
    random = np.random.default_rng(seed)
    sheet, _, _ = write(image, random)
    draw = ImageDraw.Draw(sheet)
    distance, line = random.integers(40, 80), int(random.integers(2, 6))
    slope = np.tan(np.radians(random.uniform(1, 3) * random.choice([-1, 1])))
    colour = tuple(random.integers(20, 80, 3).tolist())
    for start in range(-40, 640, distance):
        draw.line((0, start, 600, start + 600 * slope), colour, line)
        if grid:
            draw.line((start, 0, start - 600 * slope, 600), colour, line)
    return sheet.filter(ImageFilter.GaussianBlur(random.uniform(0, 1.5)))


def dither(image, seed):
    """Return a digit as a scan with 1 bit per pixel, grey made of dots."""
    random = np.random.default_rng(seed)
    size = tuple(random.integers(300, 700, 2).tolist())
    ink = place(image, random, int(0.7 * min(size)), size, room=0.2)
    paper, pen = random.integers(190, 250), random.integers(20, 90)
    grey = paper - (paper - pen) * (np.asarray(ink) / 255)
    return Image.fromarray(grey.astype(np.uint8)).convert("1")


def touch(image, seed, others):
    """Return two digits that touch."""
    random = np.random.default_rng(seed)
    other = others[random.integers(len(others))]
    first, second = ((digit > 50).nonzero()[1] for digit in (image, other))
    overlap = 1
    while True:  # of MNIST's pixels: at the first overlap with ink on ink they touch
        both = np.zeros((28, 56), np.uint8)
        start = first.max() + 1 - overlap - second.min()
        both[:, :28] = image
        shifted = np.zeros_like(both)
        shifted[:, max(start, 0) : max(start, 0) + 28] = other
        if (np.minimum(both, shifted) > 50).sum() > 2 or overlap > 15:
            break
        overlap += 1
    both = np.maximum(both, shifted)
    sheet = Image.new("RGB", (700, 500), PAPER)
    large = Image.fromarray(both).resize((560, 280), Image.Resampling.BICUBIC)
    sheet.paste(INK, (70, 110), large)
    return sheet


def circle(image, seed):
    """Return a digit in a circle that was drawn by hand, not always closed."""
    random = np.random.default_rng(seed)
    sheet, ink, pen = write(image, random, (600, 600), 220)
    left, top, right, bottom = ink.getbbox()
    centre = (left + right) / 2, (top + bottom) / 2
    radius = np.hypot(right - left, bottom - top) / 2 + random.uniform(20, 60)
    turn = random.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, 90)
    turn = turn[: random.integers(85, 91)]
    wobble = radius * (1 + random.normal(0, 0.03) * np.cos(2 * turn))
    wobble *= np.linspace(1, random.uniform(0.93, 1.07), len(turn))
    points = np.transpose([np.cos(turn), random.uniform(0.8, 1) * np.sin(turn)])
    points = centre + points * wobble[:, None]
    ImageDraw.Draw(sheet).line([*map(tuple, points)], INK, pen // 2, joint="curve")
    return sheet


def cross_out(image, seed):
    """Return a digit that is crossed out: X, a stroke, two strokes or a zigzag."""
    random = np.random.default_rng(seed)
    sheet, ink, pen = write(image, random)
    left, top, right, bottom = ink.getbbox() + random.uniform(-15, 15, 4)
    middle = (top + bottom) / 2
    lines = {
        "X": [(left, top, right, bottom), (left, bottom, right, top)],
        "slash": [(left - 20, bottom + 10, right + 20, top - 10)],
        "strike": [(left - 30, middle, right + 30, middle - 10)],
        "two": [
            (left - 30, middle - 20, right + 30, middle - 30),
            (left - 30, middle + 30, right + 30, middle + 20),
        ],
    }
    x = np.linspace(left - 10, right + 10, 9)
    zigzag = np.where(np.arange(9) % 2, top, bottom)
    lines["zigzag"] = [tuple(np.transpose([x, zigzag]).ravel())]
    for points in lines[list(lines)[seed % len(lines)]]:
        ImageDraw.Draw(sheet).line(points, INK, pen * 2 // 3)
    return sheet


KINDS = {f"{name} desk": partial(put_on_desk, desk=c) for name, c in DESKS.items()}
KINDS |= {
    "tilted rules": partial(print_tilted_rules, grid=False),
    "tilted grid": partial(print_tilted_rules, grid=True),
    "1 bit, dithered": dither,
    "in a drawn circle": circle,
    "crossed out": cross_out,
}
