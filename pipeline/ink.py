"""Ink on the pictures that people take: found on any ground, in any light."""

from itertools import pairwise

import numpy as np
from scipy import ndimage

WINDOW = 0.25  # of the longer side: what is wider is not ink
TIGHT_WINDOW = 0.5  # the same where a digit fills the picture
BORDER = 2.0  # weight of the border, of whose pixels most are ground
FAINTEST = 0.05  # least contrast of ink, of full white on black
CLEAR = 3.7  # least contrast of ink to the ground's own unevenness
STRONG = 0.2  # contrast of ink on any ground, of full white on black
FAINT, DARK = 0.15, 0.65  # of full ink: what becomes black, and white
ACROSS = 0.9  # of the picture: shortest printed line
FRAMED = 0.1  # of the picture's side: smallest box round a digit
LINE = 0.035  # of the longer side: widest printed line
SPECK = 0.08  # share of the largest stroke's area below which a spot is dropped
TALL = 0.75  # of the tallest piece of ink: another such beside it is another digit
NOTHING = "has nothing drawn on it that is clear enough: crop closer to the digit"


def find_ink(channels, tight):
    """Ink (H, W) float in [0, 1] on channels (C, H, W) float in [0, 1].

    On a `tight` picture a digit reaches from border to border. Raises ValueError when
    there is no ink, or more than one digit.
    """
    ink = remove_ground(brighten_ink(channels), tight)
    ground, full = find_levels(ink)
    ink = (((ink - ground) / (full - ground) - FAINT) / (DARK - FAINT)).clip(0, 1)
    ink = remove_lines(ink)
    while box := find_frame(ink > 0.5):
        ink = remove_lines(ink[box])
    return ink * choose_strokes(ink > 0.5)


def brighten_ink(channels):
    """The picture (H, W) in which ink and ground differ most, ink being the brighter.

    That is along the first principal component of the colours, without their local mean.
    """
    window = max(channels.shape[1:]) // 2 | 1
    colours = channels.reshape(len(channels), -1)
    local = ndimage.uniform_filter(channels, (0, window, window))
    changes = (channels - local).reshape(colours.shape)
    direction = np.linalg.eigh(changes @ changes.T)[1][:, -1]
    direction /= np.abs(direction).sum()
    light, change = (direction @ [colours, changes]).reshape(2, *local.shape[1:])
    skewness = (change**3).mean() / max((change**2).mean(), 1e-12) ** 1.5
    excess = 0.5 - border(change > otsu(change)).mean()
    return light if skewness + BORDER * excess > 0 else -light


def border(image):
    """The outermost pixels of an image (H, W)."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def remove_ground(light, tight):
    """Light (H, W) above the ground, which is what a square window cannot pass under.

    The top-hat transform (Serra, Image Analysis and Mathematical Morphology, 1982):
    neither a gradient of light nor the edge of a shadow is ink.
    """
    window = int((TIGHT_WINDOW if tight else WINDOW) * max(light.shape)) | 1
    if tight:
        return light - ndimage.grey_opening(light, window)
    margin = window // 2
    beyond = np.pad(light, margin, "reflect", reflect_type="odd")  # gradients go on
    ground = ndimage.grey_opening(beyond, window)
    return light - ground[margin:-margin, margin:-margin]


def find_levels(ink):
    """Medians of the ground and of the ink; raises ValueError where there is no ink."""
    threshold = otsu(ink)
    above, below = ink[ink > threshold], ink[ink <= threshold]
    if not above.size or not below.size:
        raise ValueError(NOTHING)
    full, ground = np.median(above), np.median(below)
    clear = CLEAR * np.median(np.abs(below - ground))
    if full - ground < FAINTEST or full - threshold <= min(clear, STRONG):
        raise ValueError(NOTHING)
    return ground, full


def otsu(values):
    """Threshold that splits values best into two classes (Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * centres).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
    return edges[1:][np.nan_to_num(below * above * gap**2).argmax()]


def remove_lines(ink):
    """Ink (H, W) without thin straight lines, level or upright, across the picture.

    Where a line runs, only what is longer across it than the line is thick remains: the
    strokes that cross it.
    """
    thick = int(LINE * max(ink.shape))
    for _ in range(2):  # lines that are level, then those that are upright
        around = ndimage.maximum_filter(ink, (3, 1))  # a line may lean a little
        lines = ndimage.grey_opening(around, (1, round(ACROSS * ink.shape[1])))
        crossing = ndimage.grey_opening(ink, (thick + 1, 1))
        ink = np.where(lines > 0.1, crossing, ink).T
    return ink


def find_frame(strong):
    """Slices of a hollow rectangle in a mask (H, W), clear of its border, or None."""
    labels, _ = ndimage.label(strong, np.ones((3, 3)))
    at_border = set(border(labels))
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        outline = labels[box] == label
        if label in at_border or min(outline.shape) < FRAMED * max(strong.shape):
            continue
        filled = ndimage.binary_fill_holes(outline)
        if filled.mean() > 0.9 and outline.sum() < 0.3 * filled.sum():
            return box
    return None


def choose_strokes(strong):
    """Mask (H, W) of the digit's strokes, of all that is in a mask.

    Raises ValueError when there is nothing, or more than one digit.
    """
    labels, count = ndimage.label(strong, np.ones((3, 3)))
    if not count:
        raise ValueError(NOTHING)
    boxes = ndimage.find_objects(labels)
    areas = np.bincount(labels.ravel())[1:]
    contact = np.bincount(border(labels), minlength=count + 1)[1:]
    inside = areas[contact == 0].max(initial=0)
    along = contact > [max(labels[box].shape) / 2 for box in boxes]  # a table, a finger
    areas[(contact > 0) & (areas < np.where(along, 3, 0.5) * inside)] = 0
    kept = areas >= SPECK * areas.max()
    pieces = [boxes[i] for i in np.flatnonzero(kept)]
    tallest = max(rows.stop - rows.start for rows, _ in pieces)
    tall = [x for y, x in pieces if y.stop - y.start > TALL * tallest]
    tall.sort(key=lambda columns: columns.start)
    if any(left.stop < right.start for left, right in pairwise(tall)):
        raise ValueError("seems to hold several digits: crop one")
    return ndimage.maximum_filter(np.append(False, kept)[labels], 3)
