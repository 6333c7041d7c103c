"""Load a data set from a folder of pictures, with one subfolder per class."""

import unicodedata
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pipeline.cli import UserError, printable
from pipeline.framing import PEN_RANGE, normalize
from pipeline.ink import border
from pipeline.pictures import FORMATS, open_picture, read_channels

MIN_CONTRAST = 0.1  # of a drawing to its background; white on black has 1
BLACK, WHITE = 0.25, 0.75  # shares of the contrast: less is black, more is white
PEN_WIDTHS = PEN_RANGE[0], np.inf  # pixels: filled shapes are not made thinner
LISTED = 10  # an error message lists at most this many pictures


def read_drawing(picture):
    """Return pixels (1, 1, 28, 28) float in [0, 1] of a PIL image with one drawing.

    Everything that differs from the background is ink; the background is the median of
    the border. Raises ValueError with what is wrong.
    """
    grey = read_channels(picture).mean(axis=0)
    contrast = np.abs(grey - np.median(border(grey)))
    if contrast.max() < MIN_CONTRAST:
        raise ValueError("has no drawing on it that is clear enough")
    ink = (contrast / contrast.max() - BLACK) / (WHITE - BLACK)
    return normalize(ink.clip(0, 1), PEN_WIDTHS)


def load_folder(folder, classes):
    """Load the pictures in folder/<class>/: images (N, 1, 28, 28) float, labels (N,) int64.

    Prints how many other files are skipped. Raises UserError for missing, unknown and
    empty classes, and for pictures that cannot be read.
    """
    images, labels, skipped, bad = [], [], [], []
    formats = Image.registered_extensions()
    for label, subfolder in enumerate(find_classes(Path(folder), classes)):
        files = list_visible(subfolder)
        pictures = [p for p in files if formats.get(p.suffix.lower()) in FORMATS]
        skipped += sorted(set(files) - set(pictures))
        if not pictures:
            advice = "add some, or remove the class"
            raise UserError(f"{subfolder} holds no pictures: {advice}")
        for path in pictures:
            try:
                images.append(read_drawing(open_picture(path)))
                labels.append(label)
            except ValueError as error:
                bad.append(f"\n  {printable(str(path))} {error}")
    if bad:
        problem = f"{folder} has pictures that cannot be used ({len(bad)})"
        listed = "".join(bad[:LISTED])
        raise UserError(f"{problem}: replace or remove them. The first are:{listed}")
    if skipped:
        example = printable(skipped[0].name)
        reason = "their format is not known"
        print(f"Skipped files in {folder}: {len(skipped)}, such as {example}; {reason}")
    return torch.cat(images), torch.tensor(labels)


def find_classes(folder, classes):
    """Return the subfolders of the classes, in their order; raises UserError."""
    if not folder.is_dir():
        advice = f"put pictures into {folder}/<class>/"
        raise UserError(f"{folder} is not a folder: {advice}")
    found = {compose(path.name): path for path in list_visible(folder) if path.is_dir()}
    wanted = [compose(name) for name in classes]
    missing = ", ".join(name for name in wanted if name not in found)
    unknown = ", ".join(printable(name) for name in found if name not in wanted)
    if missing or unknown:
        others = f"missing: {missing or 'none'}; unknown: {unknown or 'none'}"
        advice = "rename its subfolders, or change the classes in pipeline/data.py"
        raise UserError(f"{folder} has other classes ({others}): {advice}")
    return [found[name] for name in wanted]


def compose(name):
    """Return the name with ü as one character: macOS may store it as u and two dots."""
    return unicodedata.normalize("NFC", name)


def list_visible(folder):
    """Return the paths in a folder in the order of their names, without hidden ones."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
