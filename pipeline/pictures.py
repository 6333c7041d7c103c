"""Read a picture file with one digit, and bring the digit to MNIST's form."""

import os
from contextlib import suppress

import numpy as np
from PIL import Image, ImageFilter, ImageOps
from scipy import ndimage

from pipeline.framing import normalize
from pipeline.ink import MIN_CONTRAST, border, find_ink, otsu

# Pillow knows more formats than people's pictures have, and runs Ghostscript for EPS.
FORMATS = "AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"
WORKING_SIDE = 320  # pixels: longer side to which larger pictures are reduced
SMALL_PICTURE = 40  # pixels: smaller pictures count as cropped
CROPPED_MARGIN = 0.1  # share of the longer side: widest margin of a cropped picture
STROKES = 2.4  # per row, on average: a digit crosses a row once or twice
STROKES_IF_WIDE = 2.1  # the same if it is wider than it is tall, as two digits are
WIDEST_INK = 0.125  # share of the longer side: wider shapes are a sheet or a desk
SHEET_WIDTH = 0.3  # share of the longer side: narrowest sheet
SHEET_EDGE = 4  # pixels of the reduced picture: where the edge of a sheet is blurred
DOT_BLUR = 1.0  # pixels: radius that turns dots of ink into grey
STRETCHED = 5, 4  # height to width of a digit that was stretched to a square
SMALLEST_DIGIT = 8  # pixels of the reduced picture: longer side


def open_picture(path):
    """Return the PIL image in a file; raise ValueError with what is wrong."""
    if not os.path.isfile(path):  # a pipe could block for ever
        raise ValueError("is not a file")
    try:
        picture = Image.open(path, formats=FORMATS)
        picture.draft(None, [4 * WORKING_SIDE] * 2)  # reads large JPEGs at half size
        picture.load()
    except Exception as error:  # noqa: BLE001 - damaged files raise errors of any kind
        advice = "save it as PNG or JPEG, with less than 100 megapixels"
        reason = getattr(error, "strerror", None) or advice
        raise ValueError(f"cannot be read as a picture: {reason}") from None
    return picture


def read_digit(picture):
    """Return pixels (1, 1, 28, 28) float in [0, 1] of a PIL image with one digit.

    Raises ValueError with what is wrong.
    """
    channels = cut_out_sheet(read_channels(picture))
    ink = find_ink(channels, is_cropped(channels))
    left, top, right, bottom = bounding_box(ink)
    width, height = right - left, bottom - top
    if max(width, height) < SMALLEST_DIGIT:
        raise ValueError("has too small a digit: crop closer to it, or enlarge it")
    if (height, width) == ink.shape and height == width:
        ink = np.kron(ink, np.ones(STRETCHED, dtype=np.float32))
    pixels = normalize(ink)
    mask = pixels[0, 0] > 0.5
    starts = (mask[:, 1:] & ~mask[:, :-1]).sum() / mask.any(dim=1).sum()
    if starts > (STROKES_IF_WIDE if width > height else STROKES):
        raise ValueError("seems to hold several digits, or to be crossed out: crop one")
    return pixels


def read_channels(picture):
    """Return channels (3, H, W) float32 in [0, 1] of the upright, reduced picture."""
    with suppress(Exception):  # where the note on the orientation is damaged
        picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits: the largest becomes 255
        picture = picture.convert("F")
        largest = max(picture.getextrema()[1], 1)
        picture = picture.point(lambda value: value * (255 / largest))
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if picture.getcolors(2) and max(picture.size) > SMALL_PICTURE:  # grey made of dots
        picture = picture.filter(ImageFilter.GaussianBlur(DOT_BLUR))
    picture.thumbnail([WORKING_SIDE] * 2, Image.Resampling.BOX)
    values = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255
    if len(values) == 3:
        return values
    drawn, opacity = values[:3] * values[3:], values[3:]
    is_dark = drawn.sum() < 1.5 * opacity.sum()
    return drawn + is_dark * (1 - opacity)  # on white or on black


def cut_out_sheet(channels):
    """Return the part of channels (3, H, W) that shows a sheet on a desk, or all of it.

    The desk in that part is painted over with the colours of the nearest paper.
    """
    grey = channels.mean(axis=0)
    window = int(WIDEST_INK * max(grey.shape)) | 1
    grey = ndimage.grey_opening(ndimage.grey_closing(grey, window), window)  # no ink
    if np.ptp(grey) < MIN_CONTRAST or max(grey.shape) < SMALL_PICTURE:
        return channels
    flat, (y, x) = grey, np.indices(grey.shape)
    for _ in range(2):  # the light may decrease from one side to the other
        terms = np.stack([y, x, flat > otsu(flat), np.ones_like(x)], axis=-1)
        down, right, *_ = np.linalg.lstsq(terms.reshape(-1, 4), grey.ravel())[0]
        flat = grey - down * y - right * x
    sheet = flat > otsu(flat)
    if border(sheet).mean() > 0.5:
        sheet = ~sheet
    labels, _ = ndimage.label(sheet)
    sheet = labels == np.bincount(labels[sheet]).argmax()
    variances = np.linalg.eigvalsh(np.cov(np.argwhere(sheet).T))
    width, height = np.sqrt(12 * variances)  # if it is a rectangle, turned by any angle
    if width < SHEET_WIDTH * max(sheet.shape) or width * height > 1.1 * sheet.sum():
        return channels
    sheet = ndimage.binary_erosion(sheet, iterations=SHEET_EDGE)
    rows, columns = ndimage.distance_transform_edt(
        ~sheet, return_distances=False, return_indices=True
    )
    box = ndimage.find_objects(sheet.astype(int))[0]
    return channels[:, rows, columns][:, *box]


def is_cropped(channels):
    """Return whether the largest stroke comes near all four borders."""
    if max(channels.shape) < SMALL_PICTURE:  # WINDOW would be a few pixels there
        return True
    try:
        ink = find_ink(channels[:, ::2, ::2], cropped=True)
    except ValueError:
        return False
    labels, _ = ndimage.label(ink > 0.5, np.ones((3, 3)))
    largest = np.bincount(labels.ravel())[1:].argmax() + 1  # others may be shadows
    left, top, right, bottom = bounding_box(labels == largest)
    margin = max(left, top, ink.shape[1] - right, ink.shape[0] - bottom)
    return margin < CROPPED_MARGIN * max(ink.shape)


def bounding_box(ink):
    """Return left, top, right and bottom of the ink (H, W)."""
    rows, columns = (np.flatnonzero(ink.max(axis) > 0.5) for axis in (1, 0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
