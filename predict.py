"""Read the digit in each picture: python predict.py photo.jpg scan.png …

A picture should hold one digit, handwritten, of any size and place, darker or lighter than
its ground. Rules, grids and a printed box are no hindrance.
"""

import sys
from datetime import datetime
from pathlib import Path

import torch
from PIL import Image

from model import SimpleCNN
from pipeline.checkpoint import load_checkpoint
from pipeline.cli import make_parser, printable, run_main, user_path, writing
from pipeline.evaluation import predict_probabilities
from pipeline.pictures import open_picture, read_digit

SURE = 0.9  # probability below which the second guess is told too
ENLARGED = 280  # pixels: side of what --show saves


def describe_guess(probabilities, classes):
    """The best guess, and the second where the best is not sure, as text."""
    (first, second), (best, other) = map(torch.Tensor.tolist, probabilities.topk(2))
    text = f"{classes[best]} ({first:.1%})"
    return text if first >= SURE else f"{text} or {classes[other]} ({second:.1%})"


def save_seen(pixels, path):
    """Save what the network sees, (1, 1, 28, 28) float in [0, 1], ten times as large."""
    seen = Image.fromarray((255 * pixels[0, 0]).round().byte().numpy())
    with writing(path):
        seen.resize([ENLARGED] * 2, Image.Resampling.NEAREST).save(path)


def main():
    parser = make_parser(__doc__)
    parser.add_argument("pictures", nargs="+", type=Path, metavar="picture")
    parser.add_argument("--checkpoint", type=user_path, help="default: the newest here")
    show = "save what the network sees to a new folder, named by the time"
    parser.add_argument("--show", action="store_true", help=show)
    args = parser.parse_args()
    torch.set_num_threads(1)  # two would wait for each other
    checkpoint = load_checkpoint(SimpleCNN, args.checkpoint)
    folder = Path(datetime.now().strftime("seen_%Y%m%d_%H%M%S"))
    if args.show:
        folder.mkdir()

    refused = 0
    for number, path in enumerate(args.pictures, start=1):
        name = printable(str(path))
        try:
            pixels = read_digit(open_picture(path))
        except ValueError as error:
            print(f"Error: {name} {error}", file=sys.stderr)
            refused += 1
            continue
        (guess,) = predict_probabilities(checkpoint.model, pixels)
        answer = describe_guess(guess, checkpoint.metadata["classes"])
        print(f"{name}: {answer}", flush=True)
        if args.show:
            save_seen(pixels, folder / f"{number}_{path.name[:50]}.png")
    sys.exit(refused > 0)


if __name__ == "__main__":
    run_main(main)
