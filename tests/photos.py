"""Photographs of digits on paper, made up from MNIST's images."""

import io

import numpy as np
from PIL import Image, ImageFilter


def photograph(image, seed, light_on_dark=False):
    """Opened JPEG of a digit (28, 28) uint8, somewhere on a sheet in uneven light."""
    random = np.random.default_rng(seed)
    side = 28 * random.integers(4, 21)
    width, height = (int(side * random.uniform(1.1, 2.5)) for _ in range(2))
    digit = Image.fromarray(np.asarray(image)).resize(
        [side] * 2, Image.Resampling.BICUBIC
    )
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
