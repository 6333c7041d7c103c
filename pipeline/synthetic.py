"""Synthetic handwritten digits: computed from lists of points, with random changes.

They follow MNIST's conventions. MNIST's training images guided the choice of the shapes and
of the constants below; none of their pixels are used.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F

IMAGE_SIDE, DIGIT_SIDE = 28, 20  # pixels: side of an image, longer side of its digit
# "Deviation" means standard deviation. A factor is exp(deviation * normal random number).
JITTER = 0.55  # grid units: deviation of a point's shift
JITTER_FACTOR = 0.4  # deviation of a factor for the jitter: some writers are careless
ASPECT_FACTOR = 0.15  # deviation of a factor for the width
SLANT = (5.0, 12.0)  # degrees to the right: mean and deviation, as in MNIST
ROTATION = 7.0  # degrees: deviation
PEN_WIDTH = (2.4, 0.3)  # pixels: median, and deviation of its factor, as in MNIST
INK_FACTOR = 0.6  # deviation of a factor for the ink; it changes along a stroke
DOT_SIZE = (
    0.5  # pixels: deviation of a Gaussian dot; larger dots would fill small loops
)
EDGE_WIDTH = 1.4  # pixels over which a stroke fades to black
SMOOTHINGS = 3  # rounds of smoothing; each round doubles the points of a curve
TEXT = Path(__file__).with_name("skeletons.txt").read_text("utf-8")
USUAL, RARE = TEXT.split("\n\n")  # skeletons of the usual and of the rare shapes


def read_skeletons(text=USUAL):
    """Return {digit: {variant: strokes}}; a stroke is a list of points (x, y)."""
    skeletons = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        digit, variant, path = line.split(maxsplit=2)
        strokes = [[(int(x), int(y)) for x, y in s.split()] for s in path.split("/")]
        skeletons.setdefault(int(digit), {})[variant] = strokes
    return skeletons


def smooth(points):
    """Round the corners of polylines (n, k, 3) by Chaikin's algorithm; return (n, 8k, 3)."""
    for _ in range(SMOOTHINGS):
        # Linear interpolation to twice the length gives the points at 1/4 and 3/4 of each line.
        points = F.interpolate(points.mT, scale_factor=2, mode="linear").mT
    return points


def trace(strokes, n, generator):
    """Write a skeleton n times, each time differently, as a chain of dots.

    Returns the dots' places (n, dots, 2) in pixels, their weights (n, dots, 1), and the pen
    widths (n, 1, 1) in pixels. On a line, the sum of the weighted dots is the factor of the ink.
    """

    def normal(*shape):
        return torch.randn(n, *shape, generator=generator)

    jitter = JITTER * torch.exp(JITTER_FACTOR * normal(1, 1))
    curves = []
    for stroke in strokes:
        points = torch.tensor(stroke) + jitter * normal(len(stroke), 2)
        ink = INK_FACTOR * normal(len(stroke), 1)
        curves.append(smooth(torch.cat([points, ink], dim=2)))
    x, y, ink = torch.cat(curves, dim=1).split(1, dim=2)  # (n, dots, 1) each
    stroke_ends = torch.tensor([curve.shape[1] for curve in curves]).cumsum(0)[:-1] - 1

    slant = torch.deg2rad(SLANT[0] + SLANT[1] * normal(1, 1))
    x = x * torch.exp(ASPECT_FACTOR * normal(1, 1)) - y * slant.tan()
    turn = torch.deg2rad(ROTATION * normal(1, 1))
    x, y = x * turn.cos() - y * turn.sin(), x * turn.sin() + y * turn.cos()
    places = torch.cat([x, y], dim=2)
    pen_widths = PEN_WIDTH[0] * torch.exp(PEN_WIDTH[1] * normal(1, 1))
    # A pen that is thinner than its edge would be grey.
    pen_widths = pen_widths.clamp(EDGE_WIDTH, DIGIT_SIDE / 2)
    extents = (places.amax(1) - places.amin(1)).amax(1).view(n, 1, 1)
    places *= (DIGIT_SIDE - pen_widths) / extents

    # The weight of a dot is half the distance to the previous dot plus half the distance to the
    # next one, in units of DOT_SIZE * sqrt(2 * pi). At the end of a stroke, where a dot is
    # missing, 1 such unit makes the end round.
    lengths = places.diff(dim=1).norm(dim=2, keepdim=True)
    lengths /= DOT_SIZE * math.sqrt(math.tau)
    lengths[:, stroke_ends] = 1
    lengths = F.pad(lengths, (0, 0, 1, 1), value=1)
    weights = (lengths[:, :-1] + lengths[:, 1:]) / 2
    centre = (weights * places).sum(1, keepdim=True) / weights.sum(1, keepdim=True)
    return places - centre + IMAGE_SIDE / 2, weights * ink.exp(), pen_widths


def rasterize(places, weights, pen_widths):
    """Turn what `trace` returns into images (n, 28, 28) float in [0, 1].

    A Gaussian dot is the product of a row and a column, so one matrix product adds up all
    dots of an image. Beside a line of dots, this sum is ink * exp(-(distance / DOT_SIZE)^2 / 2).
    The distance is computed from the sum as if the ink were 1, so more ink makes a wider stroke.
    Pixels whose distance is less than half the pen width are white, with a soft edge.
    """
    offsets = (places.unsqueeze(3) - torch.arange(IMAGE_SIDE)) / DOT_SIZE
    powers = (-(offsets**2) / 2).clamp(min=-80)  # exp is slow below -87
    columns, rows = powers.exp().unbind(2)  # (n, dots, 28) each
    density = (rows * weights).transpose(1, 2) @ columns  # (n, 28, 28)
    distance = DOT_SIZE * (-2 * density.clamp(1e-30, 1).log()).sqrt()
    greys = 255 * ((pen_widths / 2 - distance) / EDGE_WIDTH + 0.5).clamp(0, 1)
    return greys.round() / 255  # the 256 grey values of an image file


def generate_digits(n, seed, usual_per_rare=6):
    """Generate n digits: white on black images (n, 1, 28, 28) float, labels (n,) int64.

    They come in random order. The numbers of images per digit differ by at most one. Each
    usual shape is `usual_per_rare` times as frequent as each rare one. The same seed gives the
    same images; on another machine they may differ by rounding.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator)
    labels, rounds = order % 10, order // 10  # in a round, each digit comes once
    images = torch.empty(n, 1, IMAGE_SIDE, IMAGE_SIDE)
    rare, jobs = read_skeletons(RARE), []
    with ThreadPoolExecutor(max_workers=2) as executor:  # rasterizes while `trace` runs
        for digit, usual in read_skeletons(USUAL).items():
            shapes = [*usual.values(), *rare[digit].values()]
            cycle = [*range(len(usual))] * usual_per_rare  # the usual shapes come first
            cycle += range(len(usual), len(shapes))
            shape_numbers = torch.tensor(cycle)[rounds % len(cycle)]
            for number, strokes in enumerate(shapes):
                chosen = (labels == digit) & (shape_numbers == number)
                traced = trace(strokes, int(chosen.sum()), generator)
                jobs.append((chosen, executor.submit(rasterize, *traced)))
    for chosen, job in jobs:
        images[chosen, 0] = job.result()
    return images, labels
