"""Draw pictures of digits on paper. The same seed gives the same picture."""

import io
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

SIZE = 600, 500  # pixels: width and height of a sheet
PAPER, INK, PRINT = (235, 235, 230), (30, 30, 60), (30, 30, 40)
BLUE, WOOD = (30, 50, 150), (200, 140, 80)
DESKS = {"dark": (50, 45, 42), "wooden": (150, 100, 60), "light grey": (180, 180, 178)}


def to_bytes(images):
    """Return images (N, 1, 28, 28) float in [0, 1] as an array (N, 28, 28) uint8."""
    return (255 * images[:, 0]).round().byte().numpy()


def place(image, random, side, size, room=0.0):
    """Return a white digit on a black PIL image.

    Its distance to each edge is at least `room` times the free space.
    """
    digit = Image.fromarray(image).resize([side] * 2, Image.Resampling.BICUBIC)
    corner = random.uniform(room, 1 - room, 2) * np.subtract(size, side)
    sheet = Image.new("L", size)
    sheet.paste(digit, tuple(map(int, corner)))
    return sheet


def crop_to_digit(image, seed):
    """Return a digit with a margin of 0 to 5 %."""
    random = np.random.default_rng(seed)
    ink = place(image, random, 200, (200, 200))
    ink = ink.crop(ink.point(lambda value: 255 * (value > 50)).getbbox())
    margin = round(random.uniform(0, 0.05) * max(ink.size))
    return ImageOps.colorize(ImageOps.expand(ink, margin), PAPER, INK)


def put_on_sheet(image, seed, colours=(PAPER, INK), size=SIZE, side=300, mark=None):
    """Return a digit on a clean sheet; `mark` draws something else on it."""
    random = np.random.default_rng(seed)
    ink = place(image, random, side, size, room=0.3)
    sheet = ImageOps.colorize(ink, *colours)
    if mark:
        mark(ImageDraw.Draw(sheet), random, ink.getbbox())
    return sheet


def print_lines(draw, random, _, colour=PRINT, grid=False, tilt=(0, 0)):
    """Print parallel lines, or a grid, at a random angle in the range `tilt` (degrees)."""
    distance, width = random.integers(40, 80), int(random.integers(2, 5))
    shift = max(SIZE) * np.tan(np.radians(random.uniform(*tilt)))
    for start in range(-40, max(SIZE) + 40, distance):
        draw.line((0, start, max(SIZE), start + shift), colour, width)
        if grid:
            draw.line((start, 0, start - shift, max(SIZE)), colour, width)


def thicken(image, seed):
    """Return a white digit on black, as if it was drawn with a thick pen."""
    return put_on_sheet(image, seed, ("black", "white")).filter(
        ImageFilter.MaxFilter(17)
    )


def dither(image, seed):
    """Return a digit as a scan with 1 bit per pixel, where grey is made of dots."""
    return put_on_sheet(image, seed, size=(300, 250), side=150).convert("1")


def draw_box(draw, random, ink):
    """Print a box round the digit."""
    gap, width = random.integers(12, 40), random.integers(2, 5)
    box = np.add(ink, [-gap, -gap, gap, gap])
    draw.rectangle(box.tolist(), outline=PRINT, width=width)


def draw_circle(draw, random, ink):
    """Draw a circle round the digit, not always closed."""
    centre, size = np.add(ink[:2], ink[2:]) / 2, np.subtract(ink[2:], ink[:2])
    radius = np.hypot(*size) / 2 + random.uniform(10, 50)
    box = [*(centre - radius), *(centre + radius)]
    draw.arc(box, 0, random.uniform(345, 360), INK, width=10)


def cross_out(draw, random, ink):
    """Draw a zigzag across the digit."""
    left, top, right, bottom = ink
    x, y = np.linspace(left - 10, right + 10, 9), [top, bottom] * 4 + [top]
    draw.line(np.column_stack([x, y]).ravel().tolist(), INK, width=20)


def photograph(image, seed, light_on_dark=False):
    """Return the opened JPEG of a digit somewhere on a sheet in uneven light."""
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
    distance = (across - random.uniform(-0.5, 0.5)) / random.uniform(0.01, 0.1)
    shadow = 1 - random.uniform(0, 0.4) * distance.clip(0, 1)
    light = (gradient * shadow)[..., None]
    grain = random.normal(0, random.uniform(0.005, 0.03), photo.shape)
    pixels = (255 * (photo * light + grain).clip(0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(random.integers(50, 95)))
    return Image.open(file)


def put_on_desk(image, seed, desk):
    """Return a digit on a turned sheet that lies on a desk, in uneven light."""
    random = np.random.default_rng(seed)
    width, height = random.integers(350, 500, 2).tolist()
    sheet = put_on_sheet(image, seed, size=(width, height), side=250).convert("RGBA")
    sheet = sheet.rotate(random.uniform(-8, 8), Image.Resampling.BICUBIC, expand=True)
    stripes = random.normal(0, 8, (600, 1, 1))
    wood = (np.zeros((600, 700, 3)) + desk + stripes).clip(0, 255).astype(np.uint8)
    photo = Image.fromarray(wood)
    free = np.subtract(photo.size, sheet.size)
    photo.paste(sheet, tuple((free * random.uniform(0.1, 0.9, 2)).astype(int)), sheet)
    light = np.linspace(1, random.uniform(0.6, 0.8), photo.width)[:, None]
    photo = photo * light + random.normal(0, 4, (600, 700, 1))
    return Image.fromarray(photo.clip(0, 255).astype(np.uint8))


KINDS = {
    "dark on light": photograph,
    "light on dark": partial(photograph, light_on_dark=True),
    "cropped": crop_to_digit,
    "thick white on black": thicken,
    "blue on wood": partial(put_on_sheet, colours=(WOOD, BLUE)),
    "lines": partial(put_on_sheet, mark=partial(print_lines, colour=BLUE)),
    "tilted lines": partial(put_on_sheet, mark=partial(print_lines, tilt=(1, 3))),
    "tilted grid": partial(
        put_on_sheet, mark=partial(print_lines, grid=True, tilt=(-3, -1))
    ),
    "printed box": partial(put_on_sheet, mark=draw_box),
    "drawn circle": partial(put_on_sheet, side=220, mark=draw_circle),
    "1 bit, dithered": dither,
    "small on a large sheet": partial(put_on_sheet, size=(1920, 1080), side=160),
    "28 × 28": lambda image, seed: Image.fromarray(image),
}
KINDS |= {f"{name} desk": partial(put_on_desk, desk=c) for name, c in DESKS.items()}
