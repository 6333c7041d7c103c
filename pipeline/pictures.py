"""Read a picture file with one digit, and bring the digit to MNIST's form."""

import os
from contextlib import suppress

import numpy as np
from PIL import Image, ImageFilter, ImageOps
from scipy import ndimage

from pipeline.framing import normalize
from pipeline.ink import MIN_CONTRAST, SMALL_PICTURE, border, find_ink, find_threshold

# Only these formats are opened. For EPS, Pillow would start another program.
FORMATS = "AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"
WORKING_SIDE = 320  # pixels: longer side to which larger pictures are reduced
MAX_STROKES = 2.4  # most strokes of one digit per row of pixels (mean over the rows)
MAX_STROKES_IF_WIDE = 2.1  # the same if the ink is wider than tall, as in two digits
WIDEST_INK = 0.06  # share of the longer side: wider shapes are a sheet or a desk
SHEET_SIDE = 0.3  # share of the longer side of the picture: smallest sheet
SHEET_FILL = 0.85  # a sheet fills at least this share of the rectangle around it
SHEET_BORDER = 0.35  # largest share of the picture's border that a sheet may cover
SAME_BRIGHTNESS = 0.01  # smaller differences of brightness do not count
# Largest share of the picture where the desk may be as bright as the sheet
MAX_BRIGHT_DESK = 0.1
SHEET_EDGE = 4  # pixels of the reduced picture: blurred edge, which is cut off
UNSTRETCHED = 5, 4  # height to width that a digit stretched to a square gets back
SMALLEST_DIGIT = 8  # pixels of the reduced picture: longer side


def open_picture(path):
    """Return the PIL image in a file, upright; raise ValueError with what is wrong."""
    if not os.path.isfile(path):  # a pipe could block for ever
        raise ValueError("is not a file: check its name")
    try:
        picture = Image.open(path, formats=FORMATS)
        picture.load()
    except Exception:  # noqa: BLE001 - damaged files raise errors of any kind
        problem = "cannot be read: it is damaged, too large, or not a picture"
        raise ValueError(problem) from None
    with suppress(Exception):  # damaged EXIF data does not matter
        picture = ImageOps.exif_transpose(picture)
    return picture


def read_digit(picture):
    """Return pixels (1, 1, 28, 28) of a PIL image with one digit; raises ValueError."""
    channels = cut_out_sheet(read_channels(picture))
    ink = find_ink(channels)
    (rows, columns), *_ = ndimage.find_objects((ink > 0.5).astype(int))
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if max(width, height) < SMALLEST_DIGIT:
        raise ValueError("has a digit that is too small: take a larger picture of it")
    if (height, width) == ink.shape and height == width:  # stretched to a square
        ink = ink.repeat(UNSTRETCHED[0], axis=0).repeat(UNSTRETCHED[1], axis=1)
    pixels = normalize(ink)
    mask = pixels[0, 0] > 0.5
    strokes = (mask[:, 1:] & ~mask[:, :-1]).sum() / mask.any(dim=1).sum()  # per row
    if strokes > (MAX_STROKES_IF_WIDE if width > height else MAX_STROKES):
        raise ValueError("seems to show several digits, or a crossed-out one: crop it")
    return pixels


def read_channels(picture):
    """Return channels (3, H, W) float32 in [0, 1] of the reduced picture."""
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits: the largest becomes 255
        largest = max(picture.convert("F").getextrema()[1], 1)
        picture = picture.convert("F").point(lambda value: value * (255 / largest))
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    has_two_colours = picture.getcolors(maxcolors=2) is not None
    if has_two_colours and max(picture.size) > SMALL_PICTURE:  # grey is made of dots
        picture = picture.filter(ImageFilter.GaussianBlur(radius=1))
    picture.thumbnail([WORKING_SIDE] * 2, Image.Resampling.BOX)
    values = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255
    if len(values) == 3:
        return values
    drawn, opacity = values[:3] * values[3:], values[3:]
    is_dark = drawn.mean() < 0.5 * opacity.mean()
    return drawn + is_dark * (1 - opacity)  # dark ink on white, light ink on black


def cut_out_sheet(channels):
    """Return the part of channels (3, H, W) that shows a sheet on a desk, or all of it.

    Pixels of the desk in that part get the colour of the nearest pixel of the sheet.
    """
    brightness = channels.mean(axis=0)
    shorter, longer = sorted(brightness.shape)
    if shorter < SMALL_PICTURE:
        return channels
    window = int(WIDEST_INK * longer) | 1
    grey = ndimage.grey_closing(brightness, window)  # without the ink
    grey = ndimage.grey_opening(grey, window)  # without bright spots of the desk
    step = shorter // 3
    down = np.median(grey[step:] - grey[:-step]) / step  # how the light changes per row
    right = np.median(grey[:, step:] - grey[:, :-step]) / step  # and per column
    y, x = np.indices(grey.shape)
    evenly_lit = grey - down * y - right * x
    if np.ptp(evenly_lit) < MIN_CONTRAST:
        return channels
    labels, _ = ndimage.label(evenly_lit > find_threshold(evenly_lit))
    sheet = labels == np.bincount(labels[labels > 0]).argmax()
    sheet = ndimage.binary_fill_holes(sheet)
    sides = rectangle_around(sheet)
    is_large = min(sides) > SHEET_SIDE * longer
    is_rectangle = sheet.sum() > SHEET_FILL * sides[0] * sides[1]
    is_surrounded = border(sheet).mean() < SHEET_BORDER
    bright_desk = ~sheet & (grey > np.median(grey[sheet]) - SAME_BRIGHTNESS)
    is_brightest = bright_desk.mean() < MAX_BRIGHT_DESK
    # If one of these is false, the bright area may be only the lit part of a sheet.
    if not (is_large and is_rectangle and is_surrounded and is_brightest):
        return channels
    sheet = ndimage.binary_erosion(sheet, iterations=SHEET_EDGE)
    _, nearest = ndimage.distance_transform_edt(~sheet, return_indices=True)
    painted = channels[:, *nearest]
    return painted[:, *ndimage.find_objects(sheet.astype(int))[0]]


def rectangle_around(mask):
    """Return the sides of the smallest rectangle, at any angle, around a mask (H, W)."""
    y, x = np.nonzero(mask)
    sides = []
    for angle in np.radians(range(0, 90, 3)):
        along = x * np.cos(angle) + y * np.sin(angle)
        across = y * np.cos(angle) - x * np.sin(angle)
        sides.append((np.ptp(along) + 1, np.ptp(across) + 1))
    return min(sides, key=np.prod)
