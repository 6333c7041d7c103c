"""Ink on the pictures that people take: found on any ground, in any light."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

WORK = 320  # pixels: longer side to which larger pictures are reduced
GRAINY = 280  # pixels: longer side from which a picture is smoothed a little
GROUND = 0.25  # of the longer side: what is wider is not ink
FAINTEST = 0.06  # least contrast of ink, of full white on black
SPECK = 0.08  # share of the largest stroke's area below which a spot is dropped
CELLS = 100  # along the longer side of the grid on which spots are told apart


def read_channels(picture):
    """Colour channels (C, H, W) float in [0, 1] of a PIL image, upright and opaque."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits, of any range
        picture = picture.convert("F")
    elif "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    else:
        picture = picture.convert("RGB")
    if max(picture.size) > WORK:
        picture.thumbnail((WORK, WORK), Image.Resampling.BOX)
    values = torch.from_numpy(np.array(picture, dtype=np.float32))
    if picture.mode == "F":
        values -= values.min()
        return (values / values.max().clamp(min=1e-9)).unsqueeze(0)
    values = values.permute(2, 0, 1) / 255
    if len(values) == 3:
        return values
    colours, opacity = values[:3], values[3:]
    drawn = (colours * opacity).sum() / (3 * opacity.sum()).clamp(min=1e-9)
    return colours * opacity + (drawn < 0.5) * (1 - opacity)  # on white or on black


def find_ink(channels):
    """Ink (H, W) float in [0, 1] on channels (C, H, W), without ground and specks.

    The ground is what remains when everything narrower than a window is taken away (the
    top-hat transform: Serra, Image Analysis and Mathematical Morphology, 1982): neither
    a gradient of light nor the edge of a shadow is ink then.
    """
    side = max(channels.shape[1:])
    window = int(GROUND * side) // 2 * 2 + 1
    if side > GRAINY:
        channels = box_mean(channels, 3)  # less grain
    mean = box_mean(channels, window)
    if ((channels - mean) ** 3).sum() < 0:  # ink is rarer than ground: here it is dark
        channels = 1 - channels
    ink = channels - dilate(-dilate(-channels, window), window)
    ink = (ink - ink.flatten(1).median(dim=1).values.view(-1, 1, 1)).amax(dim=0)

    threshold = otsu(ink)
    strong = ink > threshold
    if not strong.any():
        raise ValueError("has nothing drawn on it")
    full = ink[strong].median()
    if full < FAINTEST or full - threshold < 3 * ink[~strong].std():
        raise ValueError("has nothing drawn on it")
    return ((ink / full - 0.25) / 0.5).clamp(0, 1) * keep_strokes(strong)


def dilate(images, window):
    """Images (C, H, W), each pixel the largest value in a square around it."""
    rows = F.max_pool2d(images, (1, window), stride=1, padding=(0, window // 2))
    return F.max_pool2d(rows, (window, 1), stride=1, padding=(window // 2, 0))


def box_mean(images, window):
    """Images (C, H, W), each pixel the mean of a square around it."""
    rows = F.avg_pool2d(images, (1, window), 1, (0, window // 2), False, False)
    return F.avg_pool2d(rows, (window, 1), 1, (window // 2, 0), False, False)


def otsu(values):
    """Threshold that splits values best into two classes (Otsu, 1979)."""
    counts, edges = np.histogram(values.numpy(), bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * centres).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
    return float(edges[1:][np.nan_to_num(below * above * gap**2).argmax()])


def keep_strokes(strong):
    """Mask (H, W) of the large connected spots that do not touch the picture's border."""
    cell = math.ceil(max(strong.shape) / CELLS)
    areas = F.avg_pool2d(strong.float()[None], cell, ceil_mode=True)[0]
    spots = torch.arange(1.0, areas.numel() + 1).view_as(areas) * (areas > 0)
    while not torch.equal(spots, grown := dilate(spots[None], 3)[0] * (areas > 0)):
        spots = grown  # the largest number spreads over its spot
    border = torch.cat([spots[0], spots[-1], spots[:, 0], spots[:, -1]])
    inside = areas * ~torch.isin(spots, border[border > 0])
    if inside.any():
        areas = inside
    sizes = torch.zeros(spots.numel() + 1).index_add_(
        0, spots.long().flatten(), areas.flatten()
    )
    large = sizes >= SPECK * sizes.max()
    kept = (large[spots.long()] & (areas > 0)).float()[None]
    kept = dilate(kept, 3).repeat_interleave(cell, 1).repeat_interleave(cell, 2)
    return kept[0, : strong.shape[0], : strong.shape[1]]
