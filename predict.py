"""Read the digit in each picture: python predict.py photo.jpg scan.png …

A picture should hold one digit, handwritten, of any size and place, darker or lighter than
its ground. Rules, grids and a printed box are no hindrance.
"""

import sys
from itertools import count
from pathlib import Path

import torch
from PIL import Image

from model import SimpleCNN
from pipeline.checkpoint import find_checkpoints, load_checkpoint
from pipeline.cli import make_parser, printable, run, user_path, writing
from pipeline.evaluation import classify
from pipeline.pictures import open_picture, prepare

BATCH_SIZE = 32  # pictures read before their digits are printed
SURE = 0.9  # probability below which the second guess is told too
ENLARGED = 280  # pixels: side of what --show saves


def parse_arguments():
    """Options and pictures in any order; after `--` everything is a picture."""
    parser = make_parser(__doc__)
    parser.add_argument("pictures", nargs="*", type=Path, metavar="picture")
    parser.add_argument("--checkpoint", type=user_path, help="default: the newest here")
    show = "save what the network sees to a new folder seen/, seen-2/, …"
    parser.add_argument("--show", action="store_true", help=show)
    options, names = sys.argv[1:], []
    if "--" in options:  # which `parse_intermixed_args` does not know
        end = options.index("--")
        options, names = options[:end], options[end + 1 :]
    args = parser.parse_intermixed_args(options)
    args.pictures += map(Path, names)
    if not args.pictures:
        parser.error("name at least one picture")
    return args


def make_folder():
    """Path of a new folder, so that no file of anybody is overwritten."""
    for number in count(1):
        folder = Path("seen" if number == 1 else f"seen-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder


def describe_guess(probabilities, classes):
    """The best guess, and the second where the best is not sure, as text."""
    (first, second), (best, other) = map(torch.Tensor.tolist, probabilities.topk(2))
    text = f"{classes[best]} ({first:.1%})"
    return text if first >= SURE else f"{text} or {classes[other]} ({second:.1%})"


def prepare_files(paths):
    """Paths of the files that can be read, with their pixels; prints the others' errors."""
    prepared = []
    for path in paths:
        try:
            prepared.append((path, prepare(open_picture(path))))
        except ValueError as error:
            print(f"Error: {printable(str(path))} {error}", file=sys.stderr)
    return prepared


def save_seen(image, path):
    """Save what the network sees, (1, 28, 28) float in [0, 1], ten times as large."""
    seen = Image.fromarray((255 * image[0]).round().byte().numpy())
    with writing(path):
        seen.resize([ENLARGED] * 2, Image.Resampling.NEAREST).save(path)


def main():
    args = parse_arguments()
    torch.set_num_threads(1)  # two would wait for each other
    checkpoint = load_checkpoint(args.checkpoint or find_checkpoints()[-1], SimpleCNN)
    classes = checkpoint.metadata["classes"]
    folder = make_folder() if args.show else None
    read = 0
    for first in range(0, len(args.pictures), BATCH_SIZE):
        prepared = prepare_files(args.pictures[first : first + BATCH_SIZE])
        if not prepared:
            continue
        paths, images = zip(*prepared, strict=True)
        images = torch.cat(images)
        guesses = classify(checkpoint.model, images)
        for path, image, guess in zip(paths, images, guesses, strict=True):
            name = printable(str(path))
            print(f"{name}: {describe_guess(guess, classes)}", flush=True)
            read += 1
            if folder:
                save_seen(image, folder / f"{read}_{path.name[:50]}.png")
    sys.exit(read < len(args.pictures))


if __name__ == "__main__":
    run(main)
