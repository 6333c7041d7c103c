"""The data sets: MNIST, and the synthetic digits that are used if it cannot be downloaded."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch

from pipeline.cli import UserError
from pipeline.mnist import load_mnist
from pipeline.synthetic import IMAGE_SIDE, generate_digits

SYNTHETIC_TRAIN = {"n": 60_000, "seed": 1}
SYNTHETIC_TEST = {"n": 10_000, "seed": 2}


def read_digit(picture):
    """Return pixels (1, 1, 28, 28) of a picture of one digit on any background."""
    # The import is here, because a training does not need Pillow and scipy.
    from pipeline import pictures

    return pictures.read_digit(picture)


def read_drawing(picture):
    """Return pixels (1, 1, 28, 28) of a picture of one drawing; all ink is kept."""
    # The import is here, because a training does not need Pillow and scipy.
    from pipeline import folder

    return folder.read_drawing(picture)


class Dataset(NamedTuple):
    """A data set, and the function that reads a picture for its models."""

    title: str  # as reports print it: "10,000 test images of MNIST"
    classes: list[str]  # names in the order of the labels
    load: Callable  # (train: bool) -> images and labels, as `load_split` returns them
    generate: Callable | None = None  # (n) -> n more training images and their labels
    second_test_set: str | None = None  # name of a data set with the same classes
    read_picture: Callable = read_drawing  # PIL image -> pixels (1, 1, 28, 28)


def load_synthetic(train=True):
    """Generate synthetic digits for training, or other ones for testing."""
    return generate_digits(**(SYNTHETIC_TRAIN if train else SYNTHETIC_TEST))


def generate_for_mnist(n):
    """Generate n synthetic digits that are added to MNIST's; none of them is in a test set.

    Each rare shape is as frequent as each usual one, because MNIST has few rare shapes.
    """
    return generate_digits(n, SYNTHETIC_TRAIN["seed"], usual_per_rare=1)


DIGITS = list("0123456789")
SYNTHETIC = Dataset("synthetic digits", DIGITS, load_synthetic, read_picture=read_digit)
DATASETS = {  # keys: the value of --dataset, which is also saved in the checkpoint
    "mnist": Dataset(
        "MNIST",
        DIGITS,
        load_mnist,
        generate=generate_for_mnist,
        second_test_set="synthetic",
        read_picture=read_digit,
    ),
    "synthetic": SYNTHETIC,
}
DEFAULT, FALLBACK = "mnist", "synthetic"


def load_dataset(name="auto"):
    """Return the name, the training set and the test set of a data set.

    The name "default" means DEFAULT. "auto" means DEFAULT too; if its download fails, and
    FALLBACK has the same classes, then FALLBACK is used and a message is printed. Raises
    UserError, ConnectionError if a download fails, OSError if a file cannot be read or written.
    """
    wanted = DEFAULT if name in ("auto", "default") else name
    try:
        return wanted, load_split(wanted, train=True), load_split(wanted, train=False)
    except ConnectionError as error:
        fallback = DATASETS[FALLBACK]
        if name != "auto" or fallback.classes != DATASETS[DEFAULT].classes:
            raise
        print(f"{error}. For now, {fallback.title} are used instead.")
    return load_dataset(FALLBACK)


@cache
def load_split(name, train):
    """Return images (N, 1, 28, 28) float and labels (N,) int64 of one part of a data set.

    Raises UserError if the load function of the data set returns anything else.
    """
    if name not in DATASETS:
        problem = f"there is no data set {name} in pipeline/data.py"
        raise UserError(f"{problem}, only {', '.join(DATASETS)}")
    dataset = DATASETS[name]
    images, labels = dataset.load(train=train)
    problem = find_problem(images, labels, len(dataset.classes))
    if problem:
        part = "training set" if train else "test set"
        advice = f"correct the load function of {dataset.title} ({part})"
        raise UserError(f"{problem}: {advice}")
    return images, labels


def find_problem(images, labels, classes):
    """Return what is wrong with images and labels for a number of classes, or None."""
    shape = 1, IMAGE_SIDE, IMAGE_SIDE
    if images.dtype != torch.float32 or images.shape[1:] != shape or not len(images):
        found = f"{images.dtype} {tuple(images.shape)}"
        return f"the images are {found} instead of torch.float32 (N, 1, {IMAGE_SIDE}, {IMAGE_SIDE})"
    if not (images.min() >= 0 and images.max() <= 1):  # This finds NaN too.
        return f"pixels go from {images.min():g} to {images.max():g} instead of 0 to 1"
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        found = f"{labels.dtype} {tuple(labels.shape)}"
        return f"the labels are {found} instead of torch.int64 ({len(images)},)"
    if labels.min() < 0 or labels.max() >= classes:
        found = f"{labels.min()} to {labels.max()}"
        return f"labels go from {found} instead of 0 to {classes - 1}"
    return None
