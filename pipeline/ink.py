"""Find the ink of one digit in a picture, on any background and in any light."""

import numpy as np
from scipy import ndimage

WINDOW = 0.3  # share of the longer side: wider shapes are background
SMALL_PICTURE = 40  # pixels: smaller pictures have no room around the digit
SMALL_WINDOW = 0.5  # the same as WINDOW in a small picture, where strokes are wider
BORDER_WEIGHT = 2.0  # weight of the border: if it is bright, the ink is probably dark
MIN_CONTRAST = 0.08  # of ink to its background; black on white is 1
BLACK, WHITE = 0.15, 0.65  # shares of full ink: less becomes 0, more becomes 1
LINE_LENGTH = 0.9  # share of the picture: shortest printed line
LINE_SLOPES = np.linspace(-0.06, 0.06, 13)  # up to 3.4 degrees, in steps of 0.6
LINE_WIDTH = 0.035  # share of the longer side: widest printed line
BOX_SIDE = 0.1  # share of the longer side: smallest side of a printed box or a circle
BOX_FILL = 0.9  # a printed box encloses this share of its bounding box, a circle less
LARGEST_OUTLINE = 0.3  # area of a box's lines, as a share of the area that they enclose
SPOT_AREA = 0.08  # share of the largest stroke's area: smaller spots are dropped
DIGIT_HEIGHT = 0.75  # share of the tallest stroke: a shorter one is not a second digit
NOTHING = "has nothing drawn on it that is clear enough: draw it darker, or crop closer"


def find_ink(channels):
    """Return the ink (H, W) float in [0, 1] of channels (C, H, W) float in [0, 1].

    If there is a printed box or a drawn circle, only the part inside it is returned. Raises
    ValueError if there is no ink, or several digits.
    """
    brightness = brighten_ink(channels)
    is_small = max(brightness.shape) < SMALL_PICTURE
    window = int((SMALL_WINDOW if is_small else WINDOW) * max(brightness.shape)) | 1
    margin = 0 if is_small else window // 2
    # Light and shadow continue outside the picture as they are inside.
    padded = np.pad(brightness, margin, "reflect", reflect_type="odd")
    background = ndimage.grey_opening(padded, window)
    height, width = brightness.shape
    ink = brightness - background[margin:, margin:][:height, :width]
    threshold = find_threshold(ink)
    empty, full = np.median(ink[ink <= threshold]), np.median(ink[ink >= threshold])
    if full - empty < MIN_CONTRAST:
        raise ValueError(NOTHING)
    ink = (ink - empty) / (full - empty)
    ink = ((ink - BLACK) / (WHITE - BLACK)).clip(0, 1)
    ink = look_into_box(remove_lines(ink))
    return ink * choose_strokes(ink > 0.5)


def brighten_ink(channels):
    """Mix the channels into a grey picture (H, W) with much contrast and bright ink."""
    window = max(channels.shape[1:]) // 2 | 1
    changes = channels - ndimage.uniform_filter(channels, (0, window, window))
    colours = changes.reshape(len(channels), -1)  # (C, H * W)
    _, directions = np.linalg.eigh(colours @ colours.T)
    direction = directions[:, -1]  # The colours differ most in it.
    direction /= np.abs(direction).sum()
    brightness = np.tensordot(direction, channels, 1)
    change = np.tensordot(direction, changes, 1)
    skewness = (change**3).mean() / max((change**2).mean(), 1e-12) ** 1.5
    dark_border = 0.5 - border(change > find_threshold(change)).mean()
    is_bright = skewness + BORDER_WEIGHT * dark_border > 0
    return brightness if is_bright else -brightness


def border(image):
    """Return the outermost pixels of an image (H, W)."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def find_threshold(values):
    """Return the threshold between two classes of values (Ridler and Calvard, 1978)."""
    threshold = values.mean()
    for _ in range(10):
        above, below = values[values >= threshold], values[values <= threshold]
        threshold = (above.mean() + below.mean()) / 2
    return threshold


def remove_lines(ink):
    """Return ink (H, W) without thin straight lines across the picture."""
    ink = remove_horizontal_lines(ink)
    return remove_horizontal_lines(ink.T).T


def remove_horizontal_lines(ink):
    """Return ink (H, W) without nearly horizontal lines across it."""
    height, width = ink.shape
    length = round(LINE_LENGTH * width)
    y, x = np.indices(ink.shape)
    widened = ndimage.maximum_filter(ink, (3, 1)) > 0.1  # lines are not quite straight
    lines = np.zeros(ink.shape, bool)
    for slope in LINE_SLOPES:
        rows = (y + np.rint(slope * (x - width / 2)).astype(int)) % height
        # After this shear, lines of this slope are horizontal.
        sheared = widened[rows, x].astype(np.uint8)
        sheared = ndimage.grey_opening(sheared, (1, length), mode="constant")
        lines[rows, x] |= sheared > 0
    thickness = int(LINE_WIDTH * max(ink.shape)) + 1
    crossing = ndimage.grey_opening(ink, (thickness, 1), mode="constant")
    return np.where(lines, crossing, ink)  # strokes that cross a line are kept


def look_into_box(ink):
    """Return the ink inside a printed box or a drawn circle, or all of it."""
    labels, _ = ndimage.label(ink > 0.5, np.ones((3, 3)))
    smallest = BOX_SIDE * max(ink.shape)
    for label, place in enumerate(ndimage.find_objects(labels), start=1):
        outline = labels[place] == label
        if label in border(labels) or min(outline.shape) < smallest:
            continue
        inside = surrounded(outline)
        if outline.sum() > LARGEST_OUTLINE * inside.sum():
            continue
        if inside.mean() > BOX_FILL:
            return look_into_box(remove_lines(ink[place]))
        drawn = inside & (labels[place] > 0) & ~outline
        if drawn.any(axis=1).sum() > smallest:
            return look_into_box(ink[place] * ~ndimage.maximum_filter(outline, 3))
    return ink


def surrounded(mask):
    """Return a mask (H, W) of the pixels of `mask` and of all pixels that it encloses."""
    turned = [np.maximum.accumulate(np.rot90(mask, turn)) for turn in range(4)]
    return np.all([np.rot90(mask, -turn) for turn, mask in enumerate(turned)], axis=0)


def choose_strokes(mask):
    """Return the part of a mask (H, W) that belongs to the digit; raises ValueError."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if not count:
        raise ValueError(NOTHING)
    areas = np.bincount(labels.ravel())
    areas[0] = 0  # the background
    at_border = np.bincount(border(labels), minlength=count + 1) > 0
    largest_inside = areas[~at_border].max(initial=0)
    areas[at_border & (areas < largest_inside)] = 0
    kept = np.flatnonzero(areas >= SPOT_AREA * areas.max())
    boxes = ndimage.find_objects(labels)
    boxes = [boxes[label - 1] for label in kept]
    height = max(rows.stop - rows.start for rows, _ in boxes)
    tall = [x for y, x in boxes if y.stop - y.start > DIGIT_HEIGHT * height]
    if any(left.stop < right.start for left in tall for right in tall):
        raise ValueError("seems to show several digits: crop it to one digit")
    return ndimage.maximum_filter(np.isin(labels, kept), 3)
