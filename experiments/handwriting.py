"""Measure how many digits of real people are read correctly; print a Markdown table.

The folder holds either UNIPEN's files (train_r01_v07, CC BY 4.0, doi 10.5281/zenodo.1195803)
or pictures. UNIPEN's strokes are drawn as on the page. The name of a picture begins with its
digit. Example: python -m experiments.handwriting ~/unipen
"""

import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from model import SimpleCNN
from pipeline import cli
from pipeline.checkpoint import load_checkpoint
from pipeline.cli import UserError
from pipeline.data import DATASETS
from pipeline.evaluation import predict_probabilities
from pipeline.framing import normalize
from pipeline.pictures import open_picture

CANVAS_SIDE = 560  # pixels: half of the page's canvas
PEN_WIDTH = CANVAS_SIDE // 14  # pixels: the same share as on the page
DRAWING_SIDE = 0.7 * CANVAS_SIDE  # pixels: longer side of the pen's path
SOURCES = Path("data", "1a")  # UNIPEN's folder of isolated digits
# A line such as .SEGMENT CHARACTER 4-6,9 OK "7"
SEGMENT = re.compile(r'(?m)^\.SEGMENT\s+CHARACTER\s+([\d,-]+)\s+\S+\s+"(\d)"')
INCLUDE = re.compile(r"(?m)^\.INCLUDE\s+(\S+)")


def read_unipen(folder):
    """Yield source, digit and pixels (1, 1, 28, 28). The pixels of an empty digit are None.

    Raises UserError if a file cannot be understood.
    """
    sources = folder / SOURCES
    if not sources.is_dir():
        raise UserError(f"{folder} has no UNIPEN files in {SOURCES}: correct the path")
    for path in sorted(sources.rglob("*.dat")):
        labels = path.read_text(encoding="latin-1")
        try:
            components = []
            for name in INCLUDE.findall(labels):
                components += read_components(Path(folder, "include", name))
            for numbers, digit in SEGMENT.findall(labels):
                chosen = [components[i] for i in expand_ranges(numbers)]
                strokes = [points for points in chosen if points is not None]
                pixels = normalize(rasterize(strokes)) if strokes else None
                yield path.relative_to(sources).parts[0], int(digit), pixels
        except (IndexError, ValueError) as error:
            problem = f"{path} or a file that it includes is not a UNIPEN file"
            raise UserError(f"{problem} ({error}): remove it") from None


def read_components(path):
    """Return the pen's movements: points (n, 2) with y upwards, or None if the pen was up.

    UNIPEN does not count movements without points. Raises ValueError.
    """
    columns, components = ["X", "Y"], []
    text = "\n" + path.read_text(
        encoding="latin-1"
    )  # Each field begins with "\n." now.
    for field in text.split("\n."):
        name, *values = field.split() or ["empty"]
        if name == "COORD":
            columns = values
        elif name in ("PEN_DOWN", "PEN_UP") and values:
            points = np.array(values, dtype=float).reshape(-1, len(columns))
            points = points[:, [columns.index("X"), columns.index("Y")]]
            if not np.isfinite(points).all():
                raise ValueError("a coordinate is not a finite number")
            components.append(points if name == "PEN_DOWN" else None)
    return components


def expand_ranges(text):
    """Yield the numbers that are meant by text such as "4-6,9"; raises ValueError."""
    for part in text.split(","):
        ends = part.split("-")  # one or two numbers
        yield from range(int(ends[0]), int(ends[-1]) + 1)


def rasterize(strokes):
    """Draw strokes as on the page; return ink (280, 280) float in [0, 1]."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = DRAWING_SIDE / max((high - low).max(), 1e-9)
    canvas = Image.new("L", (CANVAS_SIDE, CANVAS_SIDE))
    pen = ImageDraw.Draw(canvas)
    for stroke in strokes:
        # y grows upwards in UNIPEN, and downwards in a picture.
        places = CANVAS_SIDE / 2 + scale * (stroke - (low + high) / 2) * [1, -1]
        pen.line([*map(tuple, places)], 255, PEN_WIDTH)
        for x, y in places:
            pen.circle((x, y), (PEN_WIDTH - 1) / 2, 255)
    return np.asarray(canvas.reduce(2), dtype=np.float32) / 255


def read_pictures(folder, read_picture):
    """Yield folder, digit and pixels (1, 1, 28, 28) of each picture.

    The pixels are None if the picture cannot be read.
    """
    for path in sorted(folder.rglob("[0-9]*.*")):
        try:
            pixels = read_picture(open_picture(path))
        except ValueError:
            pixels = None
        yield path.parent.name, int(path.name[0]), pixels


def make_table(digits, checkpoint):
    """Return a Markdown table of how many digits of each source are read correctly."""
    classes, counts = checkpoint.metadata["classes"], defaultdict(Counter)
    for source, digit, pixels in digits:
        correct = False
        if pixels is not None:
            probabilities = predict_probabilities(checkpoint.model, pixels)
            correct = classes[probabilities.argmax()] == str(digit)
        counts[source].update(digits=1, correct=correct, not_found=pixels is None)
    counts["**all**"] = sum(counts.values(), Counter())
    rows = []
    for source, count in counts.items():
        share = f"{100 * count['correct'] / count['digits']:.1f} %"
        rows.append([source, f"{count['digits']:,}", share, f"{count['not_found']:,}"])
    return cli.markdown_table(["source", "digits", "read correctly", "not found"], rows)


def main():
    parser = cli.make_parser(__doc__)
    parser.add_argument("folder", type=cli.user_path, help="UNIPEN, or pictures")
    cli.add_checkpoint_option(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)  # one thread is fastest for single images
    checkpoint = load_checkpoint(SimpleCNN, args.checkpoint)
    if (args.folder / SOURCES).is_dir():
        digits = list(read_unipen(args.folder))
    else:
        dataset = DATASETS[checkpoint.metadata["dataset"]]
        digits = list(read_pictures(args.folder, dataset.read_picture))
    if not digits:
        problem = f"{args.folder} has no UNIPEN files and no pictures of digits"
        raise UserError(f"{problem}: let the name of a picture begin with its digit")
    print(f"{checkpoint.path}\n\n{make_table(digits, checkpoint)}")


if __name__ == "__main__":
    cli.run_main(main)
