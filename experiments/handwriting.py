"""How many digits that real people wrote are read right, as Markdown tables.

`python -m experiments.handwriting FOLDER` takes UNIPEN's distribution (train_r01_v07, CC BY 4.0,
doi 10.5281/zenodo.1195803), drawn as on the page, or pictures of any kind whose names begin
with their digit, in FOLDER and the folders in it. An x stands for no single digit.
"""

import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from model import SimpleCNN
from pipeline.checkpoint import find_checkpoints, load_checkpoint
from pipeline.cli import UserError, make_parser, markdown_table, run_main, user_path
from pipeline.evaluation import predict_probabilities
from pipeline.framing import normalize
from pipeline.pictures import open_picture, read_digit

SIDE = 560  # pixels: the page's canvas
PEN_WIDTH = SIDE // 14  # pixels: its pen
SPAN = 0.7  # of the canvas: the longer side of the pen's path, in the middle
SEGMENT = re.compile(r'(?m)^\.SEGMENT\s+CHARACTER\s+([\d,-]+)\s+\S+\s+"(\d)"')
INCLUDE = re.compile(r"(?m)^\.INCLUDE\s+(\S+)")


def read_unipen(folder):
    """Yield source, digit and pixels (1, 1, 28, 28) of each; None where nothing is drawn."""
    sources = Path(folder, "data", "1a")
    for path in sorted(sources.rglob("*.dat")):
        labels = path.read_text(encoding="latin-1")
        files = [Path(folder, "include", name) for name in INCLUDE.findall(labels)]
        texts = [file.read_text(encoding="latin-1") for file in files]
        try:
            components = read_components("\n".join(texts))
        except ValueError as error:
            raise UserError(f"what {path} includes is not UNIPEN's: {error}") from None
        for numbers, digit in SEGMENT.findall(labels):
            parts = [components[i] for i in listed(numbers)]
            strokes = [points for points in parts if points is not None]
            pixels = normalize(draw_pen(strokes)) if strokes else None
            yield path.relative_to(sources).parts[0], int(digit), pixels


def read_components(text):
    """List of the pen's paths, as points (n, 2), y upwards; None where it was not down.

    Only what has points is counted.
    """
    columns, components = ["X", "Y"], []
    for field in text.split("\n."):
        name, *values = field.split() or [""]
        if name == "COORD":
            columns = values
        elif name in ("PEN_DOWN", "PEN_UP") and values:
            points = np.array(values, dtype=float).reshape(-1, len(columns))
            points = points[:, [columns.index("X"), columns.index("Y")]]
            components.append(points if name == "PEN_DOWN" else None)
    return components


def listed(numbers):
    """Yield the numbers that text such as "4-6,9" names."""
    for part in numbers.split(","):
        ends = part.split("-")
        yield from range(int(ends[0]), int(ends[-1]) + 1)


def draw_pen(strokes):
    """Ink (H, W) float in [0, 1] on the page's canvas, halved."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = SPAN * SIDE / max((high - low).max(), 1e-9)
    canvas = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(canvas)
    for stroke in strokes:
        places = SIDE / 2 + scale * (stroke - (low + high) / 2) * [1, -1]
        pen.line([*map(tuple, places)], 255, PEN_WIDTH)
        for x, y in places:
            pen.circle((x, y), (PEN_WIDTH - 1) / 2, 255)
    return np.asarray(canvas.reduce(2), dtype=np.float32) / 255


def read_pictures(folder):
    """Yield folder, digit and pixels (1, 1, 28, 28) of each; None where it is refused."""
    for path in sorted(folder.rglob("[0-9]*.*")):
        try:
            pixels = read_digit(open_picture(path))
        except ValueError:
            pixels = None
        yield path.parent.name, int(path.name[0]), pixels


def score(digits, model):
    """Markdown table of how many of `read_unipen` or `read_pictures` are read right."""
    sources = defaultdict(Counter)
    for source, digit, pixels in digits:
        refused = pixels is None
        right = (
            not refused
            and predict_probabilities(model, pixels).argmax().item() == digit
        )
        sources[source].update(n=1, right=right, refused=refused)
    sources["**all**"] = sum(sources.values(), Counter())
    rows = []
    for source, count in sources.items():
        share = f"{100 * count['right'] / count['n']:.1f} %"
        rows.append([source, f"{count['n']:,}", share, f"{count['refused']:,}"])
    return markdown_table(["source", "digits", "read right", "refused"], rows)


def main():
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=user_path, help="of UNIPEN, or of pictures")
    told = "default: the newest here; may be repeated"
    parser.add_argument("--checkpoint", type=user_path, action="append", help=told)
    args = parser.parse_args()
    torch.set_num_threads(1)  # two would wait for each other
    unipen = Path(args.folder, "data", "1a").is_dir()
    digits = list((read_unipen if unipen else read_pictures)(args.folder))
    if not digits:
        raise UserError(f"{args.folder} holds no UNIPEN digits and no named pictures")
    for path in args.checkpoint or find_checkpoints()[-1:]:
        print(f"{path}\n\n{score(digits, load_checkpoint(SimpleCNN, path).model)}\n")


if __name__ == "__main__":
    run_main(main)
