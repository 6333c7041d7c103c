"""Picture files as pixels: opened without trust, upright, opaque, the digit framed."""

import os
import warnings
from contextlib import suppress

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage

from pipeline.cli import UserError
from pipeline.framing import frame
from pipeline.ink import find_ink

WORK = 320  # pixels: longer side to which larger pictures are reduced
SMALL = 40  # pixels: longer side below which a picture counts as cropped to its digit
CLOSE = 1 / 3  # of the longer side: a smaller digit is looked at again from closer
TIGHT = 0.1  # of the longer side: where all margins are narrower, the digit fills it
STRETCHED = (5, 4)  # height to width of a digit that was stretched to a square
SMALLEST = 8  # pixels: longer side of the smallest digit that can be read


def open_picture(path):
    """PIL image of the file at a Path, decoded; raises ValueError with what is wrong."""
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe would be waited for
        raise ValueError("is not a file")
    warnings.simplefilter("ignore", UserWarning)  # of a broken note on the orientation
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        picture = Image.open(path)
        picture.draft(None, [4 * WORK] * 2)  # the largest JPEGs at half their size
        picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError("has too many pixels: make it smaller") from None
    except Image.UnidentifiedImageError:
        raise ValueError("is not a picture that Pillow can read") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    except Exception:  # noqa: BLE001 - a strange file raises whatever it leads to
        raise ValueError("is damaged: save it anew, as PNG or JPEG") from None
    return picture


def prepare(picture):
    """Pixels (1, 1, 28, 28) float in [0, 1] from a PIL image with one digit on it.

    Raises ValueError with what is wrong with it.
    """
    picture = convert(picture)
    if max(picture.size) < SMALLEST:
        raise ValueError(f"is too small: a digit takes {SMALLEST} pixels at least")
    channels = read_channels(picture)
    ink = find_ink(channels, is_tight(channels))
    scale = max(picture.size) / max(ink.shape)
    left, top, right, bottom = box = find_box(ink)
    extent = max(right - left, bottom - top)
    if scale * extent < SMALLEST:
        raise ValueError(f"has a digit of less than {SMALLEST} pixels: enlarge it")
    if (extent, extent) == (right - left, bottom - top) == ink.shape:  # fills a square
        ink = np.kron(ink, np.ones(STRETCHED, dtype=np.float32))
    elif scale > 1 and extent < CLOSE * max(ink.shape):
        room = extent / 2 * np.array([-1, -1, 1, 1])
        box = (scale * (box + room)).round().clip(0, picture.size * 2)
        ink = find_ink(read_channels(picture.crop(tuple(box))), tight=False)
    return frame(ink)


def load_folder(folder, classes):
    """Images (N, 1, 28, 28) float and labels (N,) int64 of the pictures in folder/<class>/.

    Raises UserError for other classes than these, and for a picture that cannot be read.
    """
    from torchvision.datasets import ImageFolder  # takes over a second to import

    def read(path):
        try:
            return prepare(open_picture(path))
        except ValueError as error:
            raise UserError(f"{path} {error}") from None

    pictures = ImageFolder(folder, loader=read)
    if pictures.classes != sorted(classes):
        found, wanted = ", ".join(pictures.classes), ", ".join(classes)
        raise UserError(f"{folder} holds {found}, not those of {wanted}")
    labels = [classes.index(pictures.classes[target]) for target in pictures.targets]
    return torch.cat([image for image, _ in pictures]), torch.tensor(labels)


def convert(picture):
    """The picture upright, in mode F, RGB or RGBA; raises ValueError."""
    with suppress(Exception):  # of a broken note on the orientation
        picture = ImageOps.exif_transpose(picture)
    mode = "RGB"
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits, of any range
        mode = "F"
    elif picture.has_transparency_data:
        mode = "RGBA"
    try:
        return picture.convert(mode)
    except (OSError, ValueError):
        raise ValueError("has unusual colours: save it as PNG or JPEG") from None


def read_channels(picture):
    """Channels (C, H, W) float32 in [0, 1] of a PIL image of mode F, RGB or RGBA."""
    if max(picture.size) > WORK:
        picture = picture.copy()
        picture.thumbnail((WORK, WORK), Image.Resampling.BOX)
    if picture.mode == "F":
        with np.errstate(invalid="ignore"):  # for values that are no numbers
            values = np.array(picture, dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError("has pixels without a value: save it as PNG or JPEG")
        values -= values.min()
        return (values / max(values.max(), 1e-9)).astype(np.float32)[None]
    values = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255
    if len(values) == 3:
        return values
    drawn, opacity = values[:3] * values[3:], values[3:]
    is_dark = drawn.sum() < 1.5 * opacity.sum()
    return drawn + is_dark * (1 - opacity)  # on white or on black


def is_tight(channels):
    """Whether the largest stroke comes near all four borders, as when cropped to it."""
    if max(channels.shape) < SMALL:  # where the other window would be a few pixels
        return True
    try:
        ink = find_ink(channels[:, ::2, ::2], tight=True)
    except ValueError:
        return False
    labels, _ = ndimage.label(ink > 0.5, np.ones((3, 3)))
    largest = np.bincount(labels.ravel())[1:].argmax() + 1  # the others may be shadows
    left, top, right, bottom = find_box(labels == largest)
    margin = max(left, top, ink.shape[1] - right, ink.shape[0] - bottom)
    return margin < TIGHT * max(ink.shape)


def find_box(ink):
    """Left, top, right and bottom of the ink (H, W)."""
    rows, columns = (np.flatnonzero(ink.max(axis) > 0.5) for axis in (1, 0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
