"""Built-in handwritten digits: pen strokes, varied as handwriting varies.

They keep to MNIST's conventions. Its training images guided the choice of variants and
spreads; none of their pixels are in here.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F

IMAGE_SIDE, DIGIT_SIDE = (
    28,
    20,
)  # pixels: side of an image, longer side of the ink in it
JITTER = 0.55  # grid units by which a point strays
SLOPPINESS = 0.4  # spread of the logarithm of the jitter: neat and careless writers
ASPECT = 0.15  # spread of the logarithm of width to height
SLANT = (5.0, 12.0)  # degrees to the right: mean and spread, as in MNIST
ROTATION = 7.0  # degrees: spread
PEN = (2.4, 0.3)  # pixels: median width, and spread of its logarithm, as in MNIST
PRESSURE = 0.6  # spread of the logarithm of the ink along a stroke
DOT = 0.5  # pixels: deviation of the Gaussian dots of a stroke; more fills small loops
EDGE = 1.4  # pixels over which a stroke fades to black
SMOOTHINGS = 3  # rounds of corner cutting, each of which doubles a curve's points
TEXT = Path(__file__).with_name("skeletons.txt").read_text("utf-8")
SKELETONS, RARE = TEXT.split("\n\n")


def read_skeletons(text=f"{SKELETONS}\n{RARE}"):
    """Return {digit: {variant: strokes}}, a stroke being a list of points (x, y)."""
    skeletons = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        digit, variant, path = line.split(maxsplit=2)
        strokes = [[(int(x), int(y)) for x, y in s.split()] for s in path.split("/")]
        skeletons.setdefault(int(digit), {})[variant] = strokes
    return skeletons


def smooth(points):
    """Cut the corners of polylines (n, k, 3) -> (n, 8k, 3) by Chaikin's algorithm."""
    for _ in range(SMOOTHINGS):  # to the quarters of each line, and both ends
        points = F.interpolate(points.mT, scale_factor=2, mode="linear").mT
    return points


def write(strokes, n, generator):
    """Write a skeleton n times, in dots.

    Returns their places (n, dots, 2) in pixels, their ink (n, dots, 1), which adds up to
    a density of 1 along a line, and the widths of the pens (n, 1, 1) in pixels.
    """

    def normal(*shape):
        return torch.randn(n, *shape, generator=generator)

    jitter = JITTER * torch.exp(SLOPPINESS * normal(1, 1))
    curves = []
    for stroke in strokes:
        points = torch.tensor(stroke) + jitter * normal(len(stroke), 2)
        pressure = PRESSURE * normal(len(stroke), 1)
        curves.append(smooth(torch.cat([points, pressure], dim=2)))
    x, y, pressure = torch.cat(curves, dim=1).split(1, dim=2)  # (n, dots, 1) each
    lifts = torch.tensor([curve.shape[1] for curve in curves]).cumsum(0)[:-1] - 1

    slant = torch.deg2rad(SLANT[0] + SLANT[1] * normal(1, 1))
    x = x * torch.exp(ASPECT * normal(1, 1)) - y * slant.tan()
    turn = torch.deg2rad(ROTATION * normal(1, 1))
    x, y = x * turn.cos() - y * turn.sin(), x * turn.sin() + y * turn.cos()
    places = torch.cat([x, y], dim=2)
    pens = PEN[0] * torch.exp(PEN[1] * normal(1, 1))
    pens = pens.clamp(EDGE, DIGIT_SIDE / 2)  # finer ones would draw in grey
    places *= (DIGIT_SIDE - pens) / (places.amax(1) - places.amin(1)).amax(1).view(
        n, 1, 1
    )

    # A dot stands for half the line to either neighbour, or for a rest of the pen where
    # it comes down or lifts, which rounds the end.
    lengths = places.diff(dim=1).norm(dim=2, keepdim=True) / (DOT * math.sqrt(math.tau))
    lengths[:, lifts] = 1
    lengths = F.pad(lengths, (0, 0, 1, 1), value=1)
    ink = (lengths[:, :-1] + lengths[:, 1:]) / 2
    centre = (ink * places).sum(1, keepdim=True) / ink.sum(1, keepdim=True)
    return places - centre + IMAGE_SIDE / 2, ink * pressure.exp(), pens


def draw(places, ink, pens):
    """Draw what `write` returns -> images (n, 28, 28) float in [0, 1].

    A Gaussian dot is a row times a column, so one matrix product adds up all the dots of
    an image. Beside a line of dots the density falls as exp(-(distance / DOT)^2 / 2),
    which yields the distance and so where the stroke ends.
    """
    offsets = (places.unsqueeze(3) - torch.arange(IMAGE_SIDE)) / DOT
    powers = (-(offsets**2) / 2).clamp(min=-80)  # numbers below exp(-87) are slow
    columns, rows = powers.exp().unbind(2)  # (n, dots, 28) each
    density = (rows * ink).transpose(1, 2) @ columns  # (n, 28, 28)
    distance = DOT * (-2 * density.clamp(1e-30, 1).log()).sqrt()  # up to 5.9 pixels
    greys = 255 * ((pens / 2 - distance) / EDGE + 0.5).clamp(0, 1)
    return greys.round() / 255  # as of an image file


def generate_digits(n, seed, usual_per_rare=6):
    """Draw n digits: white on black images (n, 1, 28, 28) float, and labels (n,) int64.

    They come in random order: digits equally often to within one, and each of a digit's
    SKELETONS `usual_per_rare` times as often as each of its RARE ones. The same seed gives the
    same images, on another machine to within rounding.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator)
    labels, rounds = order % 10, order // 10
    images = torch.empty(n, 1, IMAGE_SIDE, IMAGE_SIDE)
    rarer, drawings = read_skeletons(RARE), []
    with ThreadPoolExecutor(2) as executor:  # which draw while this thread writes on
        for digit, skeletons in read_skeletons(SKELETONS).items():
            variants = [*skeletons.values(), *rarer[digit].values()]
            usual = len(skeletons)
            turns = [*range(usual)] * usual_per_rare + [*range(usual, len(variants))]
            variant = torch.tensor(turns)[rounds % len(turns)]
            for i, strokes in enumerate(variants):
                chosen = (labels == digit) & (variant == i)
                written = write(strokes, int(chosen.sum()), generator)
                drawings.append((chosen, executor.submit(draw, *written)))
    for chosen, drawing in drawings:
        images[chosen, 0] = drawing.result()
    return images, labels
