"""Draw augmentation_samples.png: digits as they are and as training sees them."""

import sys

import torch
from matplotlib.figure import Figure

from augmentation import augment
from data import DataError, load_mnist

ROWS, VERSIONS = 5, 4
FILE = "augmentation_samples.png"


def draw_samples(images, labels, generator):
    """Figure of ROWS images (N, 1, 28, 28) uint8 with VERSIONS augmented ones beside."""
    figure = Figure(figsize=(1 + VERSIONS, ROWS * 1.12), dpi=160, layout="constrained")
    axes = figure.subplots(ROWS, 1 + VERSIONS)
    for row, image, label in zip(axes, images, labels, strict=False):
        augmented = augment(image.expand(VERSIONS, 1, 28, 28) / 255, generator)
        row[0].set_title(f"Label: {label}", fontsize=9)
        for axis, pixels in zip(
            row, [image[None] / 255, *augmented.split(1)], strict=True
        ):
            axis.imshow(pixels[0, 0].numpy(), cmap="gray", vmin=0, vmax=1)
            axis.set_axis_off()
    return figure


def main():
    (images, labels), _ = load_mnist()
    draw_samples(images, labels, torch.Generator().manual_seed(0)).savefig(FILE)
    print(f"Saved {FILE}")


if __name__ == "__main__":
    try:
        main()
    except (DataError, OSError) as error:
        sys.exit(f"Error: {error}")
