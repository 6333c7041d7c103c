"""Train SimpleCNN on augmented digits and save it as model_YYYYMMDD_HHMMSS.pth."""

import argparse
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import torch
import torch._dynamo  # or the first optimizer imports it, which takes a second
import torch.nn.functional as F
from tqdm import tqdm

from model import SimpleCNN
from pipeline.checkpoint import save_checkpoint
from pipeline.cli import UserError, number, run
from pipeline.data import DATASETS, augmented_batches, load_dataset, prefetched
from pipeline.evaluation import accuracy, predict


@dataclass(frozen=True)
class Recipe:
    """Every knob of a training."""

    epochs: int = 1  # passes over the training images
    batch_size: int = 128  # images per step
    seed: int = 0  # of all random draws
    learning_rate: float = 0.025  # at its peak
    warm_up: float = 0.2  # share of the steps in which the learning rate rises
    freeze: float = 0.5  # share of the steps after which the first convolution rests
    beta1: float = 0.7  # of Adam: a short memory
    beta2: float = 0.9  # for a short training
    label_smoothing: float = 0.05  # share of a label spread evenly over all digits
    degrees: float = 15.0  # largest rotation either way
    translate: float = 0.1  # largest shift either way, as a share of the image's side
    scale: float = 0.1  # largest enlargement or reduction
    distortion: float = 0.2  # largest inward shift of a corner, of half the side
    perspective: float = 0.5  # share of the images that are seen in perspective
    shrinkage: float = 0.5  # of the warps' ranges, from the first step to the last
    sigma: float = 0.25  # largest standard deviation of the noise; pixels are in [0, 1]
    noisy: float = 0.5  # share of the images that get noise


def one_cycle(recipe, step, steps):
    """Learning rate: linearly up to its peak, then linearly down to almost 0."""
    rise = step / recipe.warm_up
    fall = (steps - step + 1) / (1 - recipe.warm_up)
    return recipe.learning_rate * min(rise, fall) / steps


def train(images, labels, recipe, network=SimpleCNN):
    """Network in eval mode, trained on images (N, 1, 28, 28) float, labels (N,) int64.

    The same recipe gives the same weights on any number of cores: tensors are left with
    one thread in this process, as the layers are too small to be split. An epoch ends
    with its last whole batch.
    """
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    model = network().train()
    betas = recipe.beta1, recipe.beta2
    optimizer = torch.optim.Adam(model.parameters(), betas=betas, fused=True)

    steps = recipe.epochs * max(len(images) // recipe.batch_size, 1)
    batches = prefetched(augmented_batches(images, labels, recipe, steps))
    progress = tqdm(batches, "Training", total=steps, disable=None)
    for step, (inputs, targets) in enumerate(progress, start=1):
        if step > recipe.freeze * steps:  # most of the backward pass ends before it
            model[1].requires_grad_(False)
        optimizer.param_groups[0]["lr"] = one_cycle(recipe, step, steps)
        logits = model(inputs)
        loss = F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress.set_postfix(loss=f"{loss:.3f}", refresh=False)
    return model.eval()


def main():
    size, rate = number(int, 2, 10_000), number(float, 1e-6, 1e9)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", choices=["auto", *DATASETS], default="auto")
    parser.add_argument("--epochs", type=number(int, 1, 1000), default=Recipe.epochs)
    parser.add_argument("--batch-size", type=size, default=Recipe.batch_size)
    parser.add_argument("--lr", type=rate, default=Recipe.learning_rate)
    parser.add_argument("--seed", type=number(int, 0, 2**32 - 1), default=Recipe.seed)
    parser.add_argument("--data-dir", default="data", help="filled when empty")
    parser.add_argument("--output-dir", type=Path, default=".", help="made if missing")
    args = parser.parse_args()
    args.output_dir.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(args.epochs, args.batch_size, args.seed, args.lr)
    dataset, training_set, (images, labels) = load_dataset(args.dataset, args.data_dir)
    print(f"Training on {len(training_set[0]):,} {DATASETS[dataset]} images")

    started = time.perf_counter()
    model = train(*training_set, recipe)
    seconds = time.perf_counter() - started
    print(f"Epoch time: {seconds / recipe.epochs:.1f} s")

    test_accuracy = accuracy(predict(model, images), labels)
    print(f"Test accuracy: {test_accuracy:.2f}% of {len(images):,} images")
    if test_accuracy < 20:  # guessing reaches 10, and so does a loss that exploded
        raise UserError("the network learned nothing: choose another --lr")

    metadata = asdict(recipe) | {
        "dataset": dataset,
        "training_seconds": seconds,
        "test_accuracy": test_accuracy,
        "torch_version": str(torch.__version__),
        "trained_at": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    print(f"Saved {save_checkpoint(model, metadata, args.output_dir)}")


if __name__ == "__main__":
    run(main)
