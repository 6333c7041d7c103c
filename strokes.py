"""Handwritten digits drawn from scratch."""

import math

import torch

SKELETONS = {
    0: {
        "oval": "50 30 03 06 19 39 66 63 50 30",
        "round": "50 20 02 07 29 59 77 72 50 20",
        "wide": "51 21 03 06 28 68 95 92 61 31",
        "narrow": "30 10 03 07 19 29 46 42 30 10",
        "overlapping": "62 50 20 02 07 29 59 77 72 51 22 34",
        "curled": "34 23 30 61 74 67 49 19 06 03 11 30 41",
        "open": "30 11 03 06 19 49 77 74 62 51",
    },
    1: {
        "bar": "30 33 36 39",
        "leaning": "50 43 26 19",
        "left arc": "40 23 26 39",
        "right arc": "30 43 46 29",
        "flag": "12 21 30 30 33 36 39",
        "foot": "12 21 30 30 33 36 39 / 09 29 49 69",
        "hook": "30 33 36 38 49",
    },
    2: {
        "round": "02 11 30 51 53 36 09 09 39 69 79",
        "wide foot": "02 11 30 61 54 37 09 09 39 69 99",
        "cusp": "01 20 51 53 36 18 08 17 38 58 77",
        "looped": "02 10 40 62 54 37 19 08 07 36 58 69 78",
        "wide loop": "12 20 50 63 46 29 09 06 15 47 79 98",
        "big loop": "12 30 61 63 46 29 09 06 26 48 68",
        "angular": "00 30 60 60 43 26 09 09 39 69",
        "long foot": "21 40 61 53 25 07 07 37 67 97",
        "small head": "12 20 41 43 26 09 09 39 69 78",
        "drooping": "02 20 61 53 35 17 17 47 58 69",
        "upright": "10 30 42 35 27 19 09 27 48 59",
        "short foot": "01 20 50 62 45 27 18 38 58",
    },
    3: {
        "round": "01 20 50 62 44 24 24 54 67 49 19 08",
        "flat": "00 30 60 60 42 33 33 55 66 49 19 08",
        "looped": "02 10 50 53 24 14 15 34 65 67 39 08",
        "narrow": "10 30 42 33 24 24 44 46 38 19 08",
        "straight tail": "01 30 61 53 34 34 56 47 29",
        "curled": "23 11 30 61 53 34 34 65 68 39 08 06",
    },
    4: {
        "open": "11 03 05 25 55 75 / 61 53 56 49",
        "square": "00 03 05 05 35 65 / 60 63 66 69",
        "closed": "50 32 06 06 36 76 / 50 53 56 59",
        "cup": "00 03 15 45 63 60 60 63 66 69",
        "narrow": "20 13 04 24 53 61 60 53 56 49",
        "one stroke": "10 03 14 34 61 60 53 46 39",
        "wide": "30 12 04 05 35 75 / 50 43 36 29",
        "lightning": "30 12 05 05 35 65 / 33 36 39",
        "short stem": "30 22 05 05 35 75 / 53 56 39",
    },
    5: {
        "capped": "10 13 13 33 65 67 49 19 08 / 10 40 70",
        "one stroke": "70 40 10 10 13 33 64 67 49 19 08",
        "serpent": "60 30 11 13 44 66 58 29 08",
        "narrow": "50 30 22 24 44 46 38 29 18",
        "flying": "30 22 14 14 34 55 57 38 08 / 30 60 90",
        "closed": "50 20 12 04 34 64 67 49 19 07 16",
        "big bowl": "20 13 04 44 75 68 39 19 06 / 20 40 70",
        "short": "20 13 13 33 54 57 39 09 / 20 50 80",
        "dropped": "50 30 22 14 44 65 47 29 09",
        "detached": "11 04 34 65 57 39 08 / 31 50 80",
    },
    6: {
        "stem": "20 13 06 08 29 59 76 54 25 08",
        "small bowl": "40 22 05 08 29 59 67 46 26 08",
        "curved": "50 21 04 07 29 59 66 45 15 07",
        "wide bowl": "30 12 05 08 29 69 87 75 44 26 18",
        "low bowl": "30 02 06 19 59 88 86 65 46 38",
        "slanted": "60 43 15 07 19 49 66 54 26 09",
        "spiral": "50 21 04 07 29 59 67 55 35 27",
        "thin": "20 13 06 09 39 46 35 16 18",
        "open": "30 12 06 09 39 68 75 54 35",
    },
    7: {
        "round": "01 30 70 62 45 37 29",
        "angular": "00 30 70 70 53 46 39",
        "serif": "03 01 01 40 70 70 53 46 39",
        "crossed": "00 30 70 70 53 36 29 / 15 35 65",
        "crossed serif": "12 10 30 60 60 53 36 29 / 04 35 75",
        "hook": "03 10 40 62 65 57 59",
        "narrow": "12 20 41 40 33 26 19",
        "sweeping": "01 30 60 62 55 37 29",
    },
    8: {
        "eight": "61 40 10 02 13 34 55 67 49 19 07 15 34 53 61",
        "slanted": "61 50 21 23 34 46 47 29 09 07 25 43 62 60",
        "two circles": "30 11 02 24 44 62 51 30 / 34 05 07 29 49 67 65 34",
        "from the middle": "34 12 20 50 52 34 06 08 29 49 57 45 34",
        "small foot": "60 20 02 13 44 46 39 19 17 35 63 61",
        "small head": "51 30 11 23 35 67 69 29 08 06 35 52 51",
        "narrow": "40 20 12 24 36 38 29 19 07 25 43 41 30",
        "open": "61 40 20 11 23 45 57 39 18 16 34 52 70",
        "overshoot": "50 20 12 24 46 48 29 09 07 25 43 71",
    },
    9: {
        "straight": "61 40 10 03 24 44 62 60 60 63 66 69",
        "curved": "51 30 10 03 25 44 52 61 54 57 49 29 18",
        "leaning": "51 30 11 03 24 43 61 51 44 37 29",
        "pointed": "60 30 12 04 24 43 60 60 56 49",
        "open": "41 20 02 04 24 53 51 51 53 56 59",
        "gap": "30 11 03 14 44 62 61 54 47 39",
        "big circle": "71 40 11 04 26 56 73 71 75 79",
        "small loop": "52 30 12 14 34 53 51 54 47 39",
        "thin loop": "51 20 03 14 34 52 50 46 39",
        "flag": "60 30 21 13 24 43 52 56 48 29",
        "hooked": "50 20 03 24 53 61 65 58 39 18",
    },
}

JITTER = 0.55  # grid units
SLANT = 5.0, 12.0  # degrees
ROTATION = 7.0  # degrees
ASPECT = 0.15
PEN = 2.4, 0.3  # px, log
PRESSURE = 0.1
BLUR = 0.5
slop = 0.0
GRID_TO_PIXEL = 2.0


def draw_skeleton(skeleton, n, generator):
    def normal(*shape):
        return torch.randn(shape, generator=generator)

    strokes, steps, gains = [], [], []
    lean = torch.deg2rad(SLANT[0] + SLANT[1] * normal(n))
    turn = torch.deg2rad(ROTATION * normal(n))
    width = PEN[0] * torch.exp(PEN[1] * normal(n))
    stretch = torch.exp(ASPECT * normal(n))
    for stroke in skeleton.split("/"):
        points = torch.tensor([[float(x), float(y)] for x, y in stroke.split()])
        points = points + JITTER * (slop * normal(n, 1, 1)).exp() * normal(
            n, len(points), 2
        )
        for _ in range(3):
            a, b = points[:, :-1], points[:, 1:]
            cut = torch.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], 2).flatten(
                1, 2
            )
            points = torch.cat([points[:, :1], cut, points[:, -1:]], 1)
        strokes.append(points)
    lengths = [p.shape[1] for p in strokes]
    points = torch.cat(strokes, 1)
    x, y = points.unbind(2)
    x = stretch[:, None] * x - lean.tan()[:, None] * y
    x, y = (
        turn.cos()[:, None] * x - turn.sin()[:, None] * y,
        turn.sin()[:, None] * x + turn.cos()[:, None] * y,
    )
    # fit in box
    span = torch.maximum(x.amax(1) - x.amin(1), y.amax(1) - y.amin(1))
    scale = ((20 - width) / span)[:, None]
    x, y = x * scale, y * scale
    parts = []
    for px, py in zip(x.split(lengths, 1), y.split(lengths, 1)):
        d = torch.hypot(px.diff(dim=1), py.diff(dim=1))
        zero = torch.zeros(n, 1)
        part = (torch.cat([d, zero], 1) + torch.cat([zero, d], 1)) / 2
        part[:, [0, -1]] += BLUR * math.sqrt(math.pi / 2)
        parts.append(part)
    ink = torch.cat(parts, 1)
    total = ink.sum(1, keepdim=True)
    x = x - (x * ink).sum(1, keepdim=True) / total + 14
    y = y - (y * ink).sum(1, keepdim=True) / total + 14
    sigma = BLUR
    pixel = torch.arange(28.0)
    columns = torch.exp(-(((x[..., None] - pixel) / sigma) ** 2) / 2)
    rows = torch.exp(-(((y[..., None] - pixel) / sigma) ** 2) / 2) * ink[..., None]
    density = rows.transpose(1, 2) @ columns / (sigma * math.sqrt(2 * math.pi))
    distance = sigma * (-2 * density.clamp(1e-12, 1).log()).sqrt()
    return (
        ((width[:, None, None] / 2 + 0.5 - distance).clamp(0, 1) * 255)
        .round()
        .to(torch.uint8)
    )


def draw_digits(n, seed):
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator)
    labels = order % 10
    images = torch.empty(n, 1, 28, 28, dtype=torch.uint8)
    for digit, variants in SKELETONS.items():
        for number, skeleton in enumerate(variants.values()):
            chosen = (labels == digit) & (order // 10 % len(variants) == number)
            images[chosen, 0] = draw_skeleton(skeleton, int(chosen.sum()), generator)
    return images, labels
