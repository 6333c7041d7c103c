"""Draw augmentation_samples.png and stroke_samples.png: what training sees."""

import torch
import torch.nn.functional as F
from torchvision.utils import save_image

from pipeline.cli import run
from pipeline.data import augment, load_dataset, load_test_set
from train import Recipe

ROWS, COLUMNS = 5, 5  # digits; each as it is, and augmented versions of it
EXAMPLES = 8  # of each digit in each data set


def save(images, path, columns):
    """Save images (N, 1, 28, 28) float in rows, four times as large."""
    save_image(F.interpolate(images, scale_factor=4), path, nrow=columns, padding=8)


def main():
    dataset, (images, _), _ = load_dataset()
    originals = images[:ROWS].repeat_interleave(COLUMNS, dim=0)
    versions = augment(originals, Recipe(), 1.0, torch.Generator().manual_seed(0))
    versions[::COLUMNS] = images[:ROWS]
    save(versions, "images/augmentation_samples.png", COLUMNS)

    digits = []
    for name in dict.fromkeys(["strokes", dataset]):  # side by side
        images, labels = load_test_set(name)
        rows = [images[labels == digit][:EXAMPLES] for digit in range(10)]
        digits.append(torch.stack(rows))  # (10, EXAMPLES, 1, 28, 28)
    rows = torch.cat(digits, dim=1)
    save(rows.flatten(0, 1), "images/stroke_samples.png", rows.shape[1])
    print("Saved augmentation_samples.png and stroke_samples.png")


if __name__ == "__main__":
    run(main)
