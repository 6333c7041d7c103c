"""Save examples of training images in images/: python augmentation_viz.py

Each row of augmentation_samples.png is a training image of the default data set, followed
by augmented versions of it. synthetic_samples.png has examples of each synthetic digit.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torchvision.utils import save_image

from pipeline.batches import augment
from pipeline.cli import make_parser, run_main
from pipeline.data import load_dataset
from pipeline.synthetic import generate_digits
from train import Recipe

FOLDER = Path(__file__).with_name("images")
ROWS, COLUMNS = 5, 5  # of images in augmentation_samples.png
EXAMPLES = 16  # of each synthetic digit


def save(images, name, columns):
    """Save images (N, 1, H, W) float in rows, four times as large."""
    enlarged = F.interpolate(images, scale_factor=4)
    save_image(enlarged, FOLDER / name, nrow=columns, padding=8)
    print(f"Saved {FOLDER / name}")


def main():
    make_parser(__doc__).parse_args()
    _, (images, _), _ = load_dataset()
    strength = 1.0  # as at the start of a training
    repeated = images[:ROWS].repeat_interleave(COLUMNS, dim=0)
    versions = augment(repeated, Recipe(), strength, torch.Generator().manual_seed(0))
    versions[::COLUMNS] = images[:ROWS]  # the first image of a row is not augmented
    save(versions, "augmentation_samples.png", COLUMNS)

    images, labels = generate_digits(100 * EXAMPLES, seed=2)  # 10 × EXAMPLES of each
    examples = [images[labels == digit][:EXAMPLES] for digit in range(10)]
    save(torch.cat(examples), "synthetic_samples.png", EXAMPLES)


if __name__ == "__main__":
    run_main(main)
