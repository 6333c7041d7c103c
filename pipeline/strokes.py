"""Built-in handwritten digits: pen strokes, varied as handwriting varies.

They keep to MNIST's conventions. Its training images guided the choice of variants and
spreads; none of their pixels are in here.
"""

import math
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F

FRAME, BOX = 28, 20  # pixels: side of an image, longer side of the ink in it
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

# Digit, variant, and the pen's path through points xy: x is 0 to 9 rightwards, y is 0 to
# 9 downwards, "/" lifts the pen. The curve bends towards a point without quite reaching
# it; a point written twice makes a corner.
SKELETONS = """
0 oval           50 30 03 06 19 39 66 63 50 30
0 round          50 20 02 07 29 59 77 72 50 20
0 wide           51 21 03 06 28 68 95 92 61 31
0 overlapping    62 50 20 02 07 29 59 77 72 51 22 34
0 open           30 11 03 06 19 49 77 74 62 51
1 leaning        50 43 26 19
1 left-arc       40 23 26 39
1 flag           13 22 30 30 33 36 39
1 foot           13 30 30 33 36 39 / 09 29 49 69
2 round          02 11 30 51 53 36 09 09 39 69 79
2 looped         02 10 40 62 54 37 19 08 07 36 58 69 78
2 wide-loop      12 20 50 63 46 29 09 06 15 47 79 98
2 big-loop       12 30 61 63 46 29 09 06 26 48 68
2 small-head     12 20 41 43 26 09 09 39 69 78
2 drooping-loop  12 30 61 63 36 18 07 15 36 58 79
2 squat          10 50 73 55 26 06 06 46 96
3 flat           00 30 60 60 42 33 33 55 66 49 19 08
3 looped         02 10 50 53 24 14 15 34 65 67 39 08
3 narrow         10 30 42 33 24 24 44 46 38 19 08
3 straight-tail  01 30 61 53 34 34 66 57 39 18
3 small-head     20 41 42 33 14 34 66 68 39 08
3 no-hook        01 30 61 53 34 34 66 58 39
4 open           11 03 05 25 55 75 / 61 53 56 49
4 square         00 03 05 05 35 65 / 60 63 66 69
4 closed         50 32 06 06 36 76 / 50 53 56 59
4 narrow         20 13 04 24 53 61 60 53 56 49
4 one-stroke     10 03 14 34 61 60 53 46 39
4 wide           30 12 04 05 35 75 / 50 43 36 29
4 short-stem     30 22 05 05 35 75 / 53 56 39
5 capped         10 13 13 33 65 67 49 19 08 / 10 40 70
5 one-stroke     70 40 10 10 13 33 64 67 49 19 08
5 flying         30 22 14 14 34 55 57 38 08 / 30 60 90
5 closed         70 40 20 20 12 04 34 55 57 39 08 16
5 big-bowl       20 13 04 44 75 68 39 19 06 / 20 40 70
5 integral       70 40 20 23 35 47 39 19 08
5 unfinished     60 20 13 04 33 54 66 59 49
6 stem           20 13 06 08 29 59 76 54 25 08
6 small-bowl     40 22 05 08 29 59 67 46 26 08
6 curved         50 21 04 07 29 59 66 45 15 07
6 wide-bowl      30 12 05 08 29 69 87 75 44 26 18
6 low-bowl       30 02 06 19 59 88 86 65 46 38
6 tiny-bowl      40 23 05 08 28 47 36 17
7 round          01 30 70 62 45 37 29
7 angular        00 30 70 70 53 46 39
7 serif          03 01 01 40 70 70 53 46 39
7 crossed        00 30 70 70 53 36 29 / 15 35 65
7 hook           03 10 40 62 65 57 59
7 narrow         10 30 50 51 44 37 29
7 crossed-squat  01 00 30 71 44 36 29 / 05 45 85
8 eight          61 40 10 02 13 34 55 67 49 19 07 15 34 53 61
8 slanted        61 50 21 23 34 46 47 29 09 07 25 43 62 60
8 two-circles    30 11 02 24 44 62 51 30 / 34 05 07 29 49 67 65 34
8 small-foot     60 20 02 13 44 46 39 19 17 35 63 61
8 small-head     51 30 11 23 35 67 69 29 08 06 35 52 51
8 open           61 40 20 11 23 45 57 39 18 16 34 52 70
8 stretched      80 41 13 34 46 38 19 08 26 54 80
8 ribbon         09 27 54 61 40 10 02 24 47 69
9 leaning        51 30 11 03 24 43 61 51 44 37 29
9 pointed        60 30 12 04 24 43 60 60 56 49
9 open           41 20 02 04 24 53 51 51 53 56 59
9 gap            40 11 03 14 44 62 51 54 47 39
9 big-circle     71 40 11 04 26 56 73 71 75 79
9 small-loop     52 30 12 14 34 53 51 54 47 39
9 thin-loop      51 20 03 14 34 52 50 46 39
9 flag           70 40 20 12 23 43 52 53 46 29
9 hooked         50 20 03 24 53 61 65 58 39 18
"""

# How people write with a pen elsewhere, and MNIST's writers seldom did.
RARER = """
0 slashed        60 40 13 16 29 49 76 73 60 40 / 80 44 09
0 slashed-inside 50 20 02 07 29 59 77 72 50 20 / 61 34 18
0 long-slash     62 42 23 26 37 57 76 73 62 42 / 90 45 09
0 phi            42 22 13 16 27 57 76 73 62 42 / 50 44 39
0 narrow-phi     42 22 23 26 37 57 66 63 52 42 / 50 44 39
0 barred         40 20 12 17 29 49 67 62 50 30 / 04 44 84
0 lying          03 52 93 96 58 18 05 24 53
1 wide-foot      13 40 40 44 49 / 09 49 89
1 joined-foot    13 40 40 49 49 09 09 89
1 foot-left      02 40 40 44 49 49 09
1 steep-flag     05 31 40 50 55 59
1 arch           03 11 30 41 45 49
2 swan           12 30 61 54 29 08 16 44 82
2 n-like         03 10 30 42 35 19 19 36 73
3 wave           11 40 62 44 24 24 55 67 38 08
4 rounded        59 55 51 30 04 06 36 86
5 s              80 40 11 13 45 66 58 29 08
5 flagged-loop   80 20 13 34 65 68 39 17 34 65
5 detached       22 24 43 64 77 58 28 06 / 30 60
6 g              70 30 03 07 39 69 86 65 25 07
6 flat-bowl      80 40 13 07 39 69 87 66 45 15
6 u-like         10 04 07 29 59 76 73 53 17
7 curled-crossed 13 11 40 62 44 39 / 15 75
8 open-top       11 23 54 66 59 29 07 25 44 72
8 lamp           20 40 52 33 13 06 18 39 58 67 55 33
9 curled         42 51 30 02 13 43 62 65 48 18
9 big-head       71 40 11 03 34 62 61 45 39
9 egg            23 53 71 50 20 12 34 56 48 29
"""


def read_skeletons(text=SKELETONS + RARER):
    """Return {digit: {variant: strokes}}, a stroke being a list of points (x, y)."""
    skeletons = {}
    for line in filter(None, text.splitlines()):
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
    pens = pens.clamp(EDGE, BOX / 2)  # finer ones would draw in grey
    places *= (BOX - pens) / (places.amax(1) - places.amin(1)).amax(1).view(n, 1, 1)

    # A dot stands for half the line to either neighbour, or for a rest of the pen where
    # it comes down or lifts, which rounds the end.
    lengths = places.diff(dim=1).norm(dim=2, keepdim=True) / (DOT * math.sqrt(math.tau))
    lengths[:, lifts] = 1
    lengths = F.pad(lengths, (0, 0, 1, 1), value=1)
    ink = (lengths[:, :-1] + lengths[:, 1:]) / 2
    centre = (ink * places).sum(1, keepdim=True) / ink.sum(1, keepdim=True)
    return places - centre + FRAME / 2, ink * pressure.exp(), pens


def draw(places, ink, pens):
    """Draw what `write` returns -> images (n, 28, 28) float in [0, 1].

    A Gaussian dot is a row times a column, so one matrix product adds up all the dots of
    an image. Beside a line of dots the density falls as exp(-(distance / DOT)^2 / 2),
    which yields the distance and so where the stroke ends.
    """
    offsets = (places.unsqueeze(3) - torch.arange(FRAME)) / DOT
    powers = (-(offsets**2) / 2).clamp(min=-80)  # numbers below exp(-87) are slow
    columns, rows = powers.exp().unbind(2)  # (n, dots, 28) each
    density = (rows * ink).transpose(1, 2) @ columns  # (n, 28, 28)
    distance = DOT * (-2 * density.clamp(1e-30, 1).log()).sqrt()  # up to 5.9 pixels
    greys = 255 * ((pens / 2 - distance) / EDGE + 0.5).clamp(0, 1)
    return greys.round() / 255  # as of an image file


def draw_digits(n, seed, common=6):
    """Draw n digits: white on black images (n, 1, 28, 28) float, and labels (n,) int64.

    They come in random order: digits equally often to within one, and each of a digit's
    SKELETONS `common` times as often as each of its RARER ones. The same seed gives the
    same images, on another machine to within rounding.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator)
    labels, rounds = order % 10, order // 10
    images = torch.empty(n, 1, FRAME, FRAME)
    rarer, drawings = read_skeletons(RARER), []
    with ThreadPoolExecutor(2) as executor:  # which draw while this thread writes on
        for digit, skeletons in read_skeletons(SKELETONS).items():
            variants = [*skeletons.values(), *rarer[digit].values()]
            usual = len(skeletons)
            turns = [*range(usual)] * common + [*range(usual, len(variants))]
            variant = torch.tensor(turns)[rounds % len(turns)]
            for i, strokes in enumerate(variants):
                chosen = (labels == digit) & (variant == i)
                written = write(strokes, int(chosen.sum()), generator)
                drawings.append((chosen, executor.submit(draw, *written)))
    for chosen, drawing in drawings:
        images[chosen, 0] = drawing.result()
    return images, labels
