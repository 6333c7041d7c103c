"""Draw augmentation_samples.png and synthetic_samples.png: what training sees."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torchvision.utils import save_image

from pipeline.batches import augment
from pipeline.cli import run_main
from pipeline.data import DATASETS, FALLBACK, load_dataset
from train import Recipe

IMAGES = Path(__file__).with_name("images")
ROWS, COLUMNS = 5, 5  # images; each as it is, and augmented versions of it
EXAMPLES = 8  # of each class in each data set


def save(images, path, columns):
    """Save images (N, 1, 28, 28) float in rows, four times as large."""
    save_image(F.interpolate(images, scale_factor=4), path, nrow=columns, padding=8)


def main():
    name, (images, _), _ = load_dataset()
    originals = images[:ROWS].repeat_interleave(COLUMNS, dim=0)
    versions = augment(originals, Recipe(), 1.0, torch.Generator().manual_seed(0))
    versions[::COLUMNS] = images[:ROWS]
    save(versions, IMAGES / "augmentation_samples.png", COLUMNS)

    classes, examples = DATASETS[name].classes, []
    for dataset in map(DATASETS.get, dict.fromkeys([FALLBACK, name])):  # side by side
        if dataset.classes == classes:
            images, labels = dataset.load(train=False)
            n = min(EXAMPLES, labels.bincount().min())
            rows = [images[labels == label][:n] for label in range(len(classes))]
            examples.append(torch.stack(rows))  # (classes, n, 1, 28, 28)
    rows = torch.cat(examples, dim=1)
    save(rows.flatten(0, 1), IMAGES / "synthetic_samples.png", rows.shape[1])
    print(f"Saved augmentation_samples.png and synthetic_samples.png in {IMAGES}")


if __name__ == "__main__":
    run_main(main)
