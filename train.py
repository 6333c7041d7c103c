"""Train SimpleCNN on augmented digits and save it as model_YYYYMMDD_HHMMSS.pth."""

import argparse
import sys
import tempfile
import time
from datetime import datetime

import torch
import torch.nn.functional as F
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from augmentation import add_noise, augment
from data import DATASETS, DataError, load_dataset
from evaluation import accuracy, predict
from model import SimpleCNN, save_checkpoint

LEARNING_RATE = 0.02  # the peak of the one-cycle schedule
WARM_UP = 0.2  # of all steps raise the learning rate, the others lower it to almost 0
BETAS = (0.7, 0.9)  # of Adam: a short memory for a short training
LABEL_SMOOTHING = 0.05
SHRINKAGE = 0.5  # of the warps' ranges, from the first step to the last
LOG_EVERY = 100  # batches between two lines where no terminal shows a progress bar
DIVERGED = 25.0  # loss at which training is given up; guessing has 2.3


class DivergenceError(Exception):
    """The loss exploded; the message says when and what to do."""


def train(images, labels, epochs=1, batch_size=64, learning_rate=LEARNING_RATE, seed=0):
    """SimpleCNN in eval mode, trained on images (N, 1, 28, 28) uint8, labels (N,) int64.

    The same seed gives the same weights on the same machine. Raises DivergenceError.
    """
    torch.manual_seed(seed)
    model = SimpleCNN(batch_norm=True).train()
    batches = -(-len(images) // batch_size)  # per epoch, rounded up
    steps = epochs * batches
    optimizer = torch.optim.Adam(model.parameters(), betas=BETAS, fused=True)
    scheduler = OneCycleLR(
        *(optimizer, learning_rate, steps),
        pct_start=WARM_UP,
        anneal_strategy="linear",
        cycle_momentum=False,
    )
    on_terminal = sys.stderr.isatty()

    for epoch in range(epochs):
        progress = tqdm(
            torch.randperm(len(images)).split(batch_size),
            desc=f"Epoch {epoch + 1}/{epochs}",
            disable=not on_terminal,
        )
        for number, batch in enumerate(progress, start=1):
            done = (epoch * batches + number) / steps
            pixels = augment(images[batch] / 255, strength=1 - SHRINKAGE * done)
            logits = model(add_noise(pixels))
            loss = F.cross_entropy(
                logits, labels[batch], label_smoothing=LABEL_SMOOTHING
            )
            if not loss < DIVERGED:  # also when it is NaN
                raise DivergenceError("the loss exploded: choose a smaller --lr")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            if number % LOG_EVERY == 0 or number == batches:
                progress.set_postfix(loss=f"{loss:.3f}")
                if not on_terminal:
                    print(f"Batch {number}/{batches}: loss {loss:.3f}", flush=True)
    return model.fold()


def number(kind, lowest, highest):
    """Parser of a command-line number of `kind`, at least `lowest` and at most `highest`."""

    def parse(text):
        value = kind(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(
                f"{text} is not between {lowest:,} and {highest:,}"
            )
        return value

    parse.__name__ = kind.__name__  # for argparse's "invalid int value"
    return parse


def folder(text):
    """Parser of an existing folder that can be written to."""
    try:
        tempfile.TemporaryFile(dir=text).close()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"cannot write to folder {text} ({error.strerror})"
        ) from None
    return text


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--dataset", choices=["auto", *DATASETS], default="auto", help="see README.md")
    add("--epochs", type=number(int, 1, 1000), default=1, help="passes over the images")
    add("--batch-size", type=number(int, 1, 10_000), default=64, help="images per step")
    add("--lr", type=number(float, 1e-6, 1e9), default=LEARNING_RATE, help="its peak")
    add("--seed", type=number(int, 0, 2**32 - 1), default=0, help="of all random draws")
    add("--data-dir", default="data", help="folder of MNIST, filled when empty")
    add("--output-dir", type=folder, default=".", help="folder of the checkpoint")
    return parser.parse_args()


def main():
    args = parse_arguments()
    dataset, training_set, (images, labels) = load_dataset(args.dataset, args.data_dir)
    hyperparameters = {
        "epochs": args.epochs,
        "batch_size": args.batch_size,
        "learning_rate": args.lr,
        "seed": args.seed,
    }
    print(f"Training on {len(training_set[0]):,} {DATASETS[dataset]} images")
    print(*(f"  {name}: {value}" for name, value in hyperparameters.items()), sep="\n")

    started = time.perf_counter()
    model = train(*training_set, **hyperparameters)
    training_seconds = time.perf_counter() - started
    print(f"Training time: {training_seconds:.1f} s")

    test_accuracy = accuracy(predict(model, images / 255), labels)
    print(f"Test accuracy: {test_accuracy:.2f}% of {len(images):,} images")

    metadata = hyperparameters | {
        "dataset": dataset,
        "training_seconds": training_seconds,
        "test_accuracy": test_accuracy,
        "torch_version": str(torch.__version__),
        "trained_at": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    try:
        print(f"Saved {save_checkpoint(model, metadata, args.output_dir)}")
    except OSError as error:
        sys.exit(f"Error: no checkpoint saved to {args.output_dir} ({error.strerror})")


if __name__ == "__main__":
    try:
        main()
    except (DataError, DivergenceError, OSError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        print("Interrupted: nothing was saved.", file=sys.stderr)
        sys.exit(130)
