"""Draw augmentation_samples.png and stroke_samples.png: what training sees."""

import torch
from matplotlib.figure import Figure

from data import DATASETS, augment, load_dataset, load_test_set
from errors import run
from train import Recipe

ROWS, VERSIONS = 5, 4  # originals, and augmented versions of each
EXAMPLES = 8  # of each digit in each data set


def show(axis, image, title):
    """Show an image (H, W) float in [0, 1] without axes."""
    axis.imshow(image.numpy(), cmap="gray", vmin=0, vmax=1)
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()


def draw_augmentation(images, labels):
    """ROWS digits as they are and, beside each, VERSIONS as training sees them."""
    generator = torch.Generator().manual_seed(0)
    figure = Figure(figsize=(1 + VERSIONS, 1.12 * ROWS), layout="constrained")
    rows = figure.subplots(ROWS, 1 + VERSIONS)
    for (first, *others), image, label in zip(rows, images, labels, strict=False):
        show(first, image[0], f"Label: {label}")
        copies = image.expand(VERSIONS, 1, 28, 28)
        augmented = augment(copies, Recipe(), 1.0, generator)
        for axis, version in zip(others, augmented, strict=True):
            show(axis, version[0], "Augmented")
    return figure


def draw_datasets(*names):
    """EXAMPLES of every digit, a row each, of the test sets side by side."""
    figure = Figure(figsize=(4 * len(names), 5.3), layout="constrained")
    axes = figure.subplots(1, len(names), squeeze=False)[0]
    for axis, name in zip(axes, names, strict=True):
        images, labels = load_test_set(name)
        rows = [images[labels == digit][:EXAMPLES, 0] for digit in range(10)]
        mosaic = torch.cat([torch.cat(row.unbind(), dim=1) for row in rows])
        show(axis, mosaic, f"{DATASETS[name]} test images")
    return figure


def main():
    dataset, training_set, _ = load_dataset()
    draw_augmentation(*training_set).savefig("augmentation_samples.png", dpi=120)
    draw_datasets(*dict.fromkeys(["strokes", dataset])).savefig(
        "stroke_samples.png", dpi=120
    )
    print("Saved augmentation_samples.png and stroke_samples.png")


if __name__ == "__main__":
    run(main)
