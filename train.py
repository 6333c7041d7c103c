"""Train SimpleCNN on augmented digits and save it as model_YYYYMMDD_HHMMSS.pth."""

import argparse
import sys
import tempfile
import time
from datetime import datetime

import torch
import torch.nn.functional as F
from tqdm import tqdm

from augmentation import augment
from data import DATASETS, DataError, load_dataset
from evaluation import accuracy, predict
from model import SimpleCNN, save_checkpoint

LEARNING_RATE = 0.02  # the peak of the one-cycle schedule
LOG_EVERY = 100  # batches between two printed lines where there is no terminal for a progress bar
DIVERGED = 25.0  # loss at which training is given up; guessing has 2.3


class DivergenceError(Exception):
    """The loss exploded; the message says when and what to do."""


def train(images, labels, epochs=1, batch_size=64, learning_rate=LEARNING_RATE, seed=0):
    """SimpleCNN in eval mode, trained on images (N, 1, 28, 28) uint8 and labels (N,) int64.

    The same seed gives the same weights on the same machine. Raises DivergenceError.
    """
    torch.manual_seed(seed)
    model = SimpleCNN().train()
    steps = -(-len(images) // batch_size)  # per epoch, rounded up
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=epochs * steps
    )
    on_terminal = sys.stderr.isatty()

    for epoch in range(1, epochs + 1):
        batches = torch.randperm(len(images)).split(batch_size)
        progress = tqdm(
            batches, f"Epoch {epoch}/{epochs}", unit="batch", disable=not on_terminal
        )
        for step, batch in enumerate(progress, start=1):
            pixels = augment(images[batch] / 255)
            loss = F.cross_entropy(model(pixels), labels[batch])
            if not loss < DIVERGED:  # also when it is NaN
                raise DivergenceError(
                    f"the loss exploded in epoch {epoch}, batch {step}: lower the learning rate"
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            if step % LOG_EVERY == 0 or step == steps:
                progress.set_postfix(loss=f"{loss:.3f}")
                if not on_terminal:
                    print(
                        f"Epoch {epoch}/{epochs}, batch {step}/{steps}: loss {loss:.3f}",
                        flush=True,
                    )
    return model.eval()


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
    add(
        "--dataset",
        choices=["auto", *DATASETS],
        default="auto",
        help="auto: strokes without MNIST",
    )
    add("--epochs", type=number(int, 1, 1000), default=1, help="passes over the images")
    add("--batch-size", type=number(int, 1, 10_000), default=64, help="images per step")
    add(
        "--lr",
        type=number(float, 1e-6, 1e9),
        default=LEARNING_RATE,
        help="peak learning rate",
    )
    add(
        "--seed", type=number(int, 0, 2**32 - 1), default=0, help="of every random draw"
    )
    add(
        "--data-dir",
        default="data",
        help="folder of MNIST/raw, downloaded when missing",
    )
    add(
        "--output-dir",
        type=folder,
        default=".",
        help="existing folder for the checkpoint",
    )
    return parser.parse_args()


def main():
    args = parse_arguments()
    dataset, training_set, test_set = load_dataset(args.dataset, args.data_dir)
    hyperparameters = {
        "epochs": args.epochs,
        "batch_size": args.batch_size,
        "learning_rate": args.lr,
        "seed": args.seed,
    }
    print(
        f"Training on {len(training_set[0]):,} {DATASETS[dataset]} images:",
        hyperparameters,
    )

    started = time.perf_counter()
    model = train(*training_set, **hyperparameters)
    training_seconds = time.perf_counter() - started
    print(f"Training time: {training_seconds:.1f} s")

    images, labels = test_set
    test_accuracy = accuracy(predict(model, images / 255), labels)
    print(
        f"Test accuracy: {test_accuracy:.2f}% of {len(images):,} {DATASETS[dataset]} images"
    )

    metadata = hyperparameters | {
        "dataset": dataset,
        "training_seconds": training_seconds,
        "test_accuracy": test_accuracy,
        "torch_version": str(torch.__version__),
        "trained_at": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    print(f"Saved {save_checkpoint(model, metadata, args.output_dir)}")


if __name__ == "__main__":
    try:
        main()
    except (DataError, DivergenceError, OSError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        print("Interrupted: nothing was saved.", file=sys.stderr)
        sys.exit(130)
