"""Read a picture file with one digit, and bring the digit to MNIST's form."""

import os
from contextlib import suppress

import numpy as np
from PIL import Image, ImageFilter, ImageOps
from scipy import ndimage

from pipeline.framing import normalize
from pipeline.ink import MIN_CONTRAST, border, find_ink, find_threshold

# Only these formats are opened. For EPS, Pillow would start another program.
FORMATS = "AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"
WORKING_SIDE = 320  # pixels: longer side to which larger pictures are reduced
SMALL_PICTURE = 40  # pixels: smaller pictures count as cropped
CROPPED_MARGIN = 0.1  # share of the longer side: widest margin of a cropped picture
STROKES = 2.4  # per row, on average: a digit crosses a row once or twice
STROKES_IF_WIDE = 2.1  # the same if it is wider than it is tall, as two digits are
WIDEST_INK = 0.125  # share of the longer side: wider shapes are a sheet or a desk
SMALLEST_PHOTOGRAPH = 160  # pixels: smaller pictures show no sheet on a desk
SHEET_WIDTH = 0.3  # share of the longer side: narrowest sheet
SHEET_BORDER = 0.3  # largest share of the border that a sheet on a desk touches
SHEET_BORDER_IF_DARK = 0.6  # the same on a dark desk
DARK_DESK = 0.5  # share of the sheet's brightness: a shadow is brighter
LEAST_INK, MOST_INK = 0.002, 0.25  # shares of a sheet that are covered with ink
SHEET_EDGE = 4  # pixels of the reduced picture: blurred edge, which is cut off
DOT_BLUR = 1.0  # pixels: radius that turns dots of ink into grey
STRETCHED = 5, 4  # height to width of a digit that was stretched to a square
SMALLEST_DIGIT = 8  # pixels of the reduced picture: longer side


def open_picture(path):
    """Return the PIL image in a file, upright; raise ValueError with what is wrong."""
    if not os.path.isfile(path):  # a pipe could block for ever
        raise ValueError("is not a file")
    try:
        picture = Image.open(path, formats=FORMATS)
        picture.load()
    except Exception:  # noqa: BLE001 - damaged files raise errors of any kind
        raise ValueError("cannot be read: save it as a smaller PNG or JPEG") from None
    with suppress(Exception):  # damaged EXIF data does not matter
        picture = ImageOps.exif_transpose(picture)
    return picture


def read_digit(picture):
    """Return pixels (1, 1, 28, 28) float in [0, 1] of a PIL image with one digit.

    Raises ValueError with what is wrong.
    """
    whole = read_channels(picture)
    channels = cut_out_sheet(whole)
    is_sheet = channels is not whole
    ink = find_ink(channels, is_cropped(channels), is_sheet)
    left, top, right, bottom = bounding_box(ink)
    width, height = right - left, bottom - top
    if max(width, height) < SMALLEST_DIGIT:
        raise ValueError("has too small a digit: crop closer to it, or enlarge it")
    if (height, width) == ink.shape and height == width:
        ink = np.kron(ink, np.ones(STRETCHED, dtype=np.float32))
    pixels = normalize(ink)
    mask = pixels[0, 0] > 0.5
    strokes = (mask[:, 1:] & ~mask[:, :-1]).sum() / mask.any(dim=1).sum()  # per row
    if strokes > (STROKES_IF_WIDE if width > height else STROKES):
        raise ValueError("seems to hold several digits, or to be crossed out: crop one")
    return pixels


def read_channels(picture):
    """Return channels (3, H, W) float32 in [0, 1] of the reduced picture."""
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits: the largest becomes 255
        largest = max(picture.convert("F").getextrema()[1], 1)
        picture = picture.convert("F").point(lambda value: value * (255 / largest))
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

    The desk in that part is painted over with the colour of the sheet.
    """
    brightness = channels.mean(axis=0)
    window = int(WIDEST_INK * max(brightness.shape)) | 1
    grey = ndimage.grey_closing(brightness, window)
    grey = ndimage.grey_opening(grey, window)  # the ink is removed now
    if np.ptp(grey) < MIN_CONTRAST or max(grey.shape) < SMALLEST_PHOTOGRAPH:
        return channels
    flat, (y, x) = grey, np.indices(grey.shape)
    for _ in range(2):  # the light may decrease from one side to the other
        terms = np.stack([y, x, flat > find_threshold(flat), np.ones_like(x)], axis=-1)
        down, right, *_ = np.linalg.lstsq(terms.reshape(-1, 4), grey.ravel())[0]
        flat = grey - down * y - right * x
    sheet = flat > find_threshold(flat)
    if border(sheet).mean() > 0.5:
        sheet = ~sheet
    labels, _ = ndimage.label(sheet)
    sheet = labels == np.bincount(labels[sheet]).argmax()
    variances = np.linalg.eigvalsh(np.cov(np.argwhere(sheet).T))
    width, height = np.sqrt(12 * variances)  # if it is a rectangle, turned by any angle
    if width < SHEET_WIDTH * max(sheet.shape) or width * height > 1.1 * sheet.sum():
        return channels
    desk, paper = np.median(grey[~sheet]), np.median(grey[sheet])
    is_dark = desk < DARK_DESK * paper
    if border(sheet).mean() > (SHEET_BORDER_IF_DARK if is_dark else SHEET_BORDER):
        return channels  # the other part is probably in shadow
    sheet = ndimage.binary_erosion(sheet, iterations=SHEET_EDGE)
    has_ink = np.abs(brightness - grey)[sheet] > MIN_CONTRAST
    if paper < desk or not LEAST_INK < has_ink.mean() < MOST_INK:
        return channels  # this is no sheet, but perhaps a part of a large digit
    colour = np.median(channels[:, sheet], axis=1)
    painted = np.where(sheet, channels, colour[:, None, None])
    return painted[:, *ndimage.find_objects(sheet.astype(int))[0]]


def is_cropped(channels):
    """Return whether the digit comes near all four borders."""
    if max(channels.shape) < SMALL_PICTURE:  # the window of find_ink would be too small
        return True
    try:
        ink = find_ink(channels[:, ::2, ::2], cropped=True)
    except ValueError:
        return False
    left, top, right, bottom = bounding_box(ink)
    margin = max(left, top, ink.shape[1] - right, ink.shape[0] - bottom)
    return margin < CROPPED_MARGIN * max(ink.shape)


def bounding_box(ink):
    """Return left, top, right and bottom of the ink (H, W)."""
    rows, columns = (np.flatnonzero(ink.max(axis) > 0.5) for axis in (1, 0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
