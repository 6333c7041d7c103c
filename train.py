"""Train SimpleCNN on augmented images and save it as model_YYYYMMDD_HHMMSS.pth."""

import time
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import torch
import torch._dynamo  # the first optimizer would import it, a second on the epoch's clock
import torch.nn.functional as F
from tqdm import tqdm

from model import SimpleCNN
from pipeline.batches import augmented_batches, prefetched
from pipeline.checkpoint import save_checkpoint
from pipeline.cli import (
    UserError,
    make_parser,
    number,
    prepare_folder,
    run_main,
    user_path,
)
from pipeline.data import DATASETS, load_dataset
from pipeline.evaluation import accuracy, predict_probabilities


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every knob of a training."""

    # Its length and its draws
    epochs: int = 1  # passes over the training images
    batch_size: int = 128  # images per step
    seed: int = 0  # of all random draws

    # Images that are drawn, beside those of the data set, where it has any to draw
    synthetic_images: int = (
        8_000  # of `Dataset.draw`: what MNIST's writers did not write
    )

    # The optimizer
    learning_rate: float = 0.025  # at its peak
    warm_up: float = 0.2  # share of the steps in which the learning rate rises
    freeze_after: float = (
        0.5  # share of the steps after which the first convolution rests
    )
    beta1: float = 0.7  # of Adam: a short memory
    beta2: float = 0.9  # for a short training
    label_smoothing: float = 0.05  # share of a label spread evenly over all classes

    # The warps
    degrees: float = 15.0  # largest rotation either way
    translate: float = 0.1  # largest shift either way, as a share of the image's side
    scale: float = 0.1  # largest enlargement or reduction
    distortion: float = 0.2  # largest inward shift of a corner, of half the side
    perspective_share: float = 0.5  # share of the images that are seen in perspective
    warp_decay: float = 0.5  # of all these ranges, from the first step to the last

    # The noise
    noise_sigma: float = 0.25  # its largest standard deviation; pixels are in [0, 1]
    noise_share: float = 0.5  # share of the images that get any


def one_cycle(recipe, step, steps):
    """Learning rate of steps 1 to `steps`: linearly up to its peak, then down to almost 0."""
    corners = [0, recipe.warm_up * steps, steps + 1]
    return np.interp(step, corners, [0, recipe.learning_rate, 0]).item()


def train(images, labels, recipe, network=SimpleCNN):
    """Network in eval mode, trained on images (N, 1, 28, 28) float, labels (N,) int64.

    `network` makes an untrained one. An epoch ends with its last whole batch. The same
    recipe gives the same weights to the bit where tensors are computed by one thread.
    """
    torch.manual_seed(recipe.seed)
    model = network().train()
    betas = recipe.beta1, recipe.beta2
    optimizer = torch.optim.Adam(model.parameters(), betas=betas, fused=True)

    steps_per_epoch = max(len(images) // recipe.batch_size, 1)
    steps = recipe.epochs * steps_per_epoch
    batches = augmented_batches(images, labels, recipe, steps_per_epoch)
    progress = tqdm(prefetched(batches), "Training", total=steps, disable=None)
    for step, (inputs, targets) in enumerate(progress, start=1):
        if (
            step > recipe.freeze_after * steps
        ):  # most of the backward pass ends before it
            model.conv1.requires_grad_(False)
        optimizer.param_groups[0]["lr"] = one_cycle(recipe, step, steps)
        logits = model(inputs)
        loss = F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress.set_postfix(loss=f"{loss:.3f}", refresh=False)
    return model.eval()


def add_synthetic_images(name, training_set, recipe):
    """Training set of a data set, with the images that it has drawn, where it has any."""
    draw = DATASETS[name].draw
    if not draw or not recipe.synthetic_images:
        return training_set
    return tuple(
        map(torch.cat, zip(training_set, draw(recipe.synthetic_images), strict=True))
    )


def train_and_test(name, training_set, test_set, recipe):
    """Model trained on a data set of DATASETS, and the record that is saved with it."""
    classes = DATASETS[name].classes
    started = time.perf_counter()
    training_set = add_synthetic_images(name, training_set, recipe)
    model = train(*training_set, recipe, lambda: SimpleCNN(len(classes)))
    seconds = time.perf_counter() - started
    return model, asdict(recipe) | {
        "dataset": name,
        "classes": classes,
        "training_seconds": seconds,
        "test_accuracy": accuracy(
            predict_probabilities(model, test_set[0]), test_set[1]
        ),
        "torch_version": str(torch.__version__),
        "trained_at": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def parse_arguments():
    parser = make_parser(__doc__)
    add = parser.add_argument
    names = ["auto", "default", *DATASETS]
    add("--dataset", choices=names, default="auto", help="auto: default or stand-in")
    add("--epochs", type=number(int, 1, 1000), default=Recipe.epochs, help="passes")
    size, rate = number(int, 2, 10_000), number(float, 1e-6, 1e9)
    add("--batch-size", type=size, default=Recipe.batch_size, help="images per step")
    add("--lr", type=rate, default=Recipe.learning_rate, help="peak")
    add("--seed", type=number(int, 0, 2**32 - 1), default=Recipe.seed, help="of draws")
    add("--data-dir", type=user_path, default="data", help="filled when empty")
    add("--output-dir", type=user_path, default=".", help="made when missing")
    return parser.parse_args()


def main():
    args = parse_arguments()
    torch.set_num_threads(1)  # the layers are too small to be split
    prepare_folder(args.output_dir)  # rather than to lose the training
    recipe = Recipe(
        epochs=args.epochs,
        batch_size=args.batch_size,
        seed=args.seed,
        learning_rate=args.lr,
    )
    name, training_set, test_set = load_dataset(args.dataset, args.data_dir)
    print(f"Training on {len(training_set[0]):,} images of {DATASETS[name].title}")
    model, record = train_and_test(name, training_set, test_set, recipe)
    print(f"Epoch time: {record['training_seconds'] / recipe.epochs:.1f} s")
    test_accuracy, guessing = record["test_accuracy"], 100 / len(record["classes"])
    print(f"Test accuracy: {test_accuracy:.2f}% of {len(test_set[0]):,} images")
    if test_accuracy < guessing + 10:
        raise UserError("the network learned nothing: choose another --lr")
    print(f"Saved {save_checkpoint(model, record, args.output_dir)}")


if __name__ == "__main__":
    run_main(main)
