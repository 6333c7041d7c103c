"""Train SimpleCNN on augmented digits and save it as model_YYYYMMDD_HHMMSS.pth."""

import argparse
import sys
import tempfile
import time
from datetime import datetime

import torch
import torch.nn.functional as F
from torch.optim.adam import adam
from tqdm import tqdm

from augmentation import augment
from data import DATASETS, DataError, load_dataset
from evaluation import accuracy, predict
from model import SimpleCNN, save_checkpoint

LEARNING_RATE = 0.02  # at its peak
WARM_UP = 0.2  # of all steps raise the learning rate
BETAS = (0.7, 0.9)  # of Adam: a short memory for a short training
SMOOTHING = 0.05  # of the labels: the share spread evenly over all digits
SHRINKAGE = 0.5  # of the warps' ranges, from the first step to the last
CHUNK = 1024  # images augmented at once, which is faster than batch by batch
LOG_EVERY = 100  # batches between two lines where no terminal shows a progress bar
DIVERGED = 25.0  # loss at which training is given up; guessing has 2.3
LEARNED = 20.0  # percent of test images without which nothing is saved; guessing has 10


class DivergenceError(Exception):
    """The network did not learn; the message says how and what to do."""


class Adam:
    """torch.optim.Adam in its functional form.

    The class would import torch.compile's machinery, which takes most of a second.
    """

    def __init__(self, parameters):
        self.parameters = [p for p in parameters if p.requires_grad]
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]
        self.steps = [torch.zeros(()) for _ in self.parameters]

    @torch.no_grad()
    def step(self, learning_rate):
        adam(
            *(self.parameters, [p.grad for p in self.parameters]),
            *(self.means, self.squares, [], self.steps),
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=0,
            eps=1e-8,
            maximize=False,
        )
        for parameter in self.parameters:
            parameter.grad = None


def augmented_batches(images, labels, batch_size, epochs):
    """Yield shuffled batches of float pixels and labels under ever weaker warps."""
    chunk = max(CHUNK // batch_size, 1) * batch_size
    for epoch in range(epochs):
        for i, indices in enumerate(torch.randperm(len(images)).split(chunk)):
            done = (epoch + i * chunk / len(images)) / epochs
            pixels = augment(images[indices] / 255, strength=1 - SHRINKAGE * done)
            yield from zip(
                pixels.split(batch_size), labels[indices].split(batch_size), strict=True
            )


def train(images, labels, epochs=1, batch_size=64, learning_rate=LEARNING_RATE, seed=0):
    """SimpleCNN in eval mode, trained on images (N, 1, 28, 28) uint8, labels (N,) int64.

    The same seed gives the same weights on the same machine. Raises DivergenceError.
    """
    torch.manual_seed(seed)
    model = SimpleCNN(batch_norm=True).train()
    optimizer = Adam(model.parameters())
    steps = epochs * -(-len(images) // batch_size)  # batches per epoch, rounded up

    def one_cycle(step):
        """Learning rate: linearly up to its peak, then linearly down to almost 0."""
        share = min(step / WARM_UP, (steps - step + 1) / (1 - WARM_UP)) / steps
        return learning_rate * share

    on_terminal = sys.stderr.isatty()
    batches = augmented_batches(images, labels, batch_size, epochs)
    progress = tqdm(batches, "Training", total=steps, disable=not on_terminal)
    for step, (pixels, targets) in enumerate(progress, start=1):
        loss = F.cross_entropy(model(pixels), targets, label_smoothing=SMOOTHING)
        if not loss < DIVERGED:  # also when it is NaN
            raise DivergenceError("the loss exploded: choose a smaller --lr")
        loss.backward()
        optimizer.step(one_cycle(step))
        if step % LOG_EVERY == 0 or step == steps:
            progress.set_postfix(loss=f"{loss:.3f}")
            if not on_terminal:
                print(f"Batch {step}/{steps}: loss {loss:.3f}", flush=True)
    return model.fold()


def number(kind, lowest, highest):
    """Parser of a command-line number of a kind and within bounds."""

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
    add("--batch-size", type=number(int, 2, 10_000), default=64, help="images per step")
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
    print(f"Epoch time: {training_seconds / args.epochs:.1f} s")

    test_accuracy = accuracy(predict(model, images / 255), labels)
    print(f"Test accuracy: {test_accuracy:.2f}% of {len(images):,} images")
    if test_accuracy < LEARNED:
        raise DivergenceError("the network learned nothing: choose another --lr")

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
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
