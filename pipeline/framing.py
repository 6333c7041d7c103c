"""Bring a digit to MNIST's form: white on black, 20 pixels long, centred by mass in 28 × 28.

The page does the same with drawn lines, in JavaScript.
"""

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from pipeline.synthetic import DIGIT_SIDE, IMAGE_SIDE

FINE = 8  # steps per pixel: resolution at which the pen width is changed
PEN_RANGE = (1.6, 2.9)  # pixels: the pen width of 80 % of MNIST's digits


def normalize(ink, pen_range=PEN_RANGE):
    """Return pixels (1, 1, 28, 28) float in [0, 1] of ink (H, W), made like MNIST's.

    See Y. LeCun and others, Gradient-Based Learning Applied to Document Recognition, 1998.
    """
    fine = resize(crop(ink), FINE * DIGIT_SIDE)
    fine = fine / fine.max()  # thin lines became pale when scaled down
    pen = pen_width(fine > 0.5) / FINE
    wanted = min(max(pen, pen_range[0]), pen_range[1])
    steps = round((wanted - pen) * FINE / 2)  # on each side of a stroke
    fine = np.pad(fine, abs(steps))
    if steps > 0:
        fine = ndimage.maximum_filter(fine, 2 * steps + 1)
    elif steps < 0:
        fine = ndimage.minimum_filter(fine, 2 * -steps + 1)
    small = resize(crop(fine), DIGIT_SIDE)
    height, width = small.shape
    y, x = ndimage.center_of_mass(small)  # 0 is the middle of the first pixel
    top = min(max(round(IMAGE_SIDE / 2 - y - 0.5), 0), IMAGE_SIDE - height)
    left = min(max(round(IMAGE_SIDE / 2 - x - 0.5), 0), IMAGE_SIDE - width)
    pixels = torch.zeros(1, 1, IMAGE_SIDE, IMAGE_SIDE)
    pixels[0, 0, top : top + height, left : left + width] = torch.from_numpy(small)
    return pixels


def crop(ink):
    """Return the part of ink (H, W) with anything on it."""
    return ink[ndimage.find_objects((ink > 0.1).astype(int))[0]]


def resize(ink, longer):
    """Return ink (H, W) scaled by area averages to `longer` pixels on its longer side."""
    scale = longer / max(ink.shape)
    size = [max(round(side * scale), 1) for side in ink.shape]
    scaled = F.interpolate(torch.from_numpy(ink)[None, None], size, mode="area")
    return scaled[0, 0].numpy()


def pen_width(mask):
    """Return the width of the strokes in a mask (H, W).

    It is four times the mean distance of their pixels to the edge.
    """
    distances = ndimage.distance_transform_cdt(np.pad(mask, 1), "chessboard")
    return 4 * (distances[distances > 0].mean() - 0.5)
