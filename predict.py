"""Read the drawing in each picture: python predict.py photo.jpg scan.png

For a model of digits, each picture must show one handwritten digit, which may be anywhere and of
any colour. It must not be very small. Lines and a printed box do not matter.
"""

import re
import sys
from datetime import datetime
from pathlib import Path

import torch
from PIL import Image

from model import SimpleCNN
from pipeline import cli
from pipeline.checkpoint import load_checkpoint
from pipeline.data import DATASETS
from pipeline.evaluation import predict_probabilities
from pipeline.pictures import open_picture

CONFIDENT = 0.9  # below this probability, the second most probable class is printed too
SHOWN_SIDE = 280  # pixels: side of the pictures that --show saves


def describe(probabilities, classes):
    """Return the most probable class as text, and the second one if the model is not sure."""
    values, labels = probabilities.topk(2)
    first, second = [f"{classes[i]} ({p:.1%})" for p, i in zip(values, labels)]
    return first if values[0] >= CONFIDENT else f"{first} or {second}"


def main():
    parser = cli.make_parser(__doc__)
    add = parser.add_argument
    add("pictures", nargs="+", type=Path, metavar="picture", help="PNG, JPEG, …")
    cli.add_checkpoint_option(parser)
    show = "save what the network sees to a new folder seen_YYYYMMDD_HHMMSS"
    add("--show", action="store_true", help=show)
    args = parser.parse_args()
    torch.set_num_threads(1)  # one thread is fastest for single images
    checkpoint = load_checkpoint(SimpleCNN, args.checkpoint)
    dataset = DATASETS[checkpoint.metadata["dataset"]]
    folder = Path(datetime.now().strftime("seen_%Y%m%d_%H%M%S"))
    if args.show:
        folder.mkdir()
        print(f"What the network sees is saved in {folder.resolve()}")

    failed = False
    for number, path in enumerate(args.pictures, start=1):
        name = cli.printable(str(path))
        try:
            pixels = dataset.read_picture(open_picture(path))
        except ValueError as error:
            print(f"Error: {name} {error}", file=sys.stderr)
            failed = True
            continue
        probabilities = predict_probabilities(checkpoint.model, pixels)[0]
        if not probabilities.isfinite().all():
            problem = "gives probabilities that are not finite"
            raise cli.UserError(f"{checkpoint.path} {problem}: train a new model")
        answer = describe(probabilities, checkpoint.metadata["classes"])
        print(f"{name}: {answer}", flush=True)
        if args.show:
            seen = Image.fromarray((255 * pixels[0, 0]).round().byte().numpy())
            seen = seen.resize((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.NEAREST)
            safe_name = re.sub(r"[^\w.-]", "_", path.name)[:50]
            seen.save(folder / f"{number}_{safe_name}.png")
    return int(failed)


if __name__ == "__main__":
    cli.run_main(main)
