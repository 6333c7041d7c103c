"""Read digits in pictures of any kind: python predict.py photo.jpg scan.png …

A picture is brought to MNIST's conventions first: white ink on black, the digit scaled to
a box of 20 × 20 pixels, and its centre of mass in the middle of 28 × 28 pixels.
"""

import argparse
import sys
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image

from model import SimpleCNN
from pipeline.checkpoint import find_checkpoints, load_checkpoint
from pipeline.cli import run, user_path
from pipeline.evaluation import classify
from pipeline.ink import dilate, find_ink, read_channels

FRAME, BOX = 28, 20  # pixels: side of MNIST's images, longer side of the ink in them
FINE = 8  # steps in a pixel of the frame in which the pen is made wider or narrower
PEN = (2.2, 4.0)  # pixels: narrowest and widest pen that is left as it is
SURE = 0.9  # probability below which the second guess is told too


def prepare(picture):
    """Pixels (1, 1, 28, 28) float in [0, 1] from a PIL image with one digit on it.

    Raises ValueError when nothing is drawn on it.
    """
    channels = read_channels(picture)
    if channels.shape[1:] == (FRAME, FRAME) and not channels[:, ::27, ::27].any():
        return channels.mean(dim=0).view(1, 1, FRAME, FRAME)  # MNIST's own form
    return frame(find_ink(channels))


def frame(ink):
    """Pixels (1, 1, 28, 28) float in [0, 1] from ink (H, W), as MNIST's were made.

    Y. LeCun and others, Gradient-Based Learning Applied to Document Recognition, 1998.
    """
    fine = resize(crop(ink), FINE * BOX)
    width = pen_width(fine > 0.5) / FINE
    wanted = min(max(width, PEN[0]), PEN[1])
    steps = round((wanted - width) * FINE / 2)
    fine = F.pad(fine, [abs(steps)] * 4)[None]
    if steps > 0:
        fine = dilate(fine, 2 * steps + 1)
    elif steps < 0:
        fine = -dilate(-fine, 1 - 2 * steps)
    small = resize(crop(fine[0]), BOX)
    height, width = small.shape
    mass = small.sum()
    y = (small.sum(dim=1) @ (torch.arange(height) + 0.5)) / mass
    x = (small.sum(dim=0) @ (torch.arange(width) + 0.5)) / mass
    top = min(max(round(FRAME / 2 - y.item()), 0), FRAME - height)
    left = min(max(round(FRAME / 2 - x.item()), 0), FRAME - width)
    pixels = torch.zeros(1, 1, FRAME, FRAME)
    pixels[0, 0, top : top + height, left : left + width] = small
    return pixels


def crop(ink):
    """The part of ink (H, W) with anything on it."""
    rows = (ink > 0.1).any(dim=1).nonzero()
    columns = (ink > 0.1).any(dim=0).nonzero()
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def resize(ink, longer):
    """Ink (H, W) scaled by area averages until its longer side is that long."""
    scale = longer / max(ink.shape)
    size = [max(round(side * scale), 1) for side in ink.shape]
    return F.interpolate(ink[None, None], size, mode="area")[0, 0]


def pen_width(mask):
    """Width of the strokes in a mask (H, W): four times the mean distance to their edge.

    A pixel's distance is the number of times that the edge can be peeled off before it.
    """
    peeled = F.pad(mask.float(), [1] * 4)[None]
    area = total = peeled.sum().item()
    while peeled.any():
        peeled = -dilate(-peeled, 3)
        total += peeled.sum().item()
    return 4 * (total / area - 0.5)


def describe(probabilities):
    """The best guess, and the second where the best is not sure, as text."""
    (first, second), digits = probabilities.topk(2)
    text = f"{digits[0]} ({first:.1%})"
    return text if first >= SURE else f"{text} or {digits[1]} ({second:.1%})"


def open_picture(path):
    """PIL image of the file at `path`, decoded; raises ValueError with what is wrong."""
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        picture = Image.open(path)
        picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError("has too many pixels: make it smaller") from None
    except Image.UnidentifiedImageError:
        raise ValueError("is not a picture that Pillow can read") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001 - a strange file raises whatever it leads to
        raise ValueError(f"is damaged: {error}") from None
    return picture


def read(path, model, show):
    """Line with what the model reads in the file at `path`; raises ValueError."""
    pixels = prepare(open_picture(path))
    if show:
        image = Image.fromarray((255 * pixels[0, 0]).round().byte().numpy())
        seen = image.resize([10 * FRAME] * 2, Image.Resampling.NEAREST)
        try:
            seen.save(path.with_name(f"{path.name}.seen.png"))
        except OSError as error:
            raise ValueError(f"cannot be shown: {error.strerror}") from None
    return describe(classify(model, pixels)[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="+", type=Path, metavar="picture")
    parser.add_argument("--checkpoint", type=user_path, help="default: the newest here")
    parser.add_argument("--show", action="store_true", help="save what it sees")
    args = parser.parse_intermixed_args()
    path = args.checkpoint or find_checkpoints()[-1]
    model = load_checkpoint(path, SimpleCNN).model
    torch.set_num_threads(1)
    failed = False
    for path in args.pictures:
        try:
            print(f"{path}: {read(path, model, args.show)}", flush=True)
        except ValueError as error:
            print(f"Error: {path} {error}", file=sys.stderr)
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    run(main)
