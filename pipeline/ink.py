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
ROUNDS = 4  # in which ever rarer ink is looked for
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
    light, change = (
        (direction @ c).reshape(local.shape[1:]) for c in (colours, changes)
    )
    skewness = (change**3).mean() / max((change**2).mean(), 1e-12) ** 1.5
    bright = change > otsu(change)
    border = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    return light if skewness + BORDER * (0.5 - border.mean()) > 0 else -light


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
    above = ink
    for _ in range(ROUNDS):
        threshold = otsu(above)
        above, below = ink[ink > threshold], ink[ink <= threshold]
        if not len(above) or not len(below):
            break
        full, ground = np.median(above), np.median(below)
        unevenness = np.median(np.abs(below - ground))
        if full - ground < FAINTEST:
            break
        if full - threshold > min(CLEAR * unevenness, STRONG):
            return ground, full
    raise ValueError(NOTHING)


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
    if thick == 0:
        return ink
    for _ in range(2):  # lines that are level, then those that are upright
        around = ndimage.maximum_filter(ink, (3, 1))  # a line may lean a little
        lines = ndimage.grey_opening(around, (1, round(ACROSS * ink.shape[1])))
        crossing = ndimage.grey_opening(ink, (thick + 1, 1))
        ink = np.where(lines > 0.1, crossing, ink).T
    return ink


def find_frame(strong):
    """Slices of a hollow rectangle in a mask (H, W), clear of its border, or None."""
    labels, _ = ndimage.label(strong, np.ones((3, 3)))
    at_border = {*labels[0], *labels[-1], *labels[:, 0], *labels[:, -1]}
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
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    contact = np.bincount(edges, minlength=count + 1)[1:]
    inside = areas[contact == 0].max(initial=0)
    sides = [max(labels[box].shape) for box in boxes]
    along = contact > 0.5 * np.array(sides)  # as a table's edge or a finger lies
    areas[(contact > 0) & (areas < np.where(along, 3, 0.5) * inside)] = 0
    kept = areas >= SPECK * areas.max()
    pieces = [box for box, is_kept in zip(boxes, kept, strict=True) if is_kept]
    heights = np.array([rows.stop - rows.start for rows, _ in pieces])
    tall = np.flatnonzero(heights > TALL * heights.max())
    tall = sorted((pieces[i][1] for i in tall), key=lambda columns: columns.start)
    if any(left.stop < right.start for left, right in pairwise(tall)):
        raise ValueError("seems to hold several digits: crop one")
    return ndimage.maximum_filter(np.append(False, kept)[labels], 3)
