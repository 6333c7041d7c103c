"""The data sets, by name: MNIST, and the built-in stroke digits that stand in for it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pipeline.cli import UserError
from pipeline.mnist import load_mnist, missing_files
from pipeline.synthetic import generate_digits

SYNTHETIC_TRAIN = (60_000, 1)  # how many digits, and the seed
SYNTHETIC_TEST = (10_000, 2)


class Dataset(NamedTuple):
    """A data set; each of its sets is images (N, 1, 28, 28) float in [0, 1] and labels
    (N,) int64, which count the classes."""

    title: str  # as people read it: "60,000 images of MNIST"
    classes: list[str]  # their names, in the order of the labels
    load: Callable  # (data folder, train) -> the training set or the test set
    draw: Callable | None = None  # n -> so many more images to train on, and labels
    other: Callable | None = None  # () -> test set of other hands; None if not at hand


def load_synthetic(data_dir="data", train=True):
    """Stroke digits to train on, or others to test on; nothing is read from disk."""
    return generate_digits(*(SYNTHETIC_TRAIN if train else SYNTHETIC_TEST))


def mnist_on_disk():
    """MNIST's test set where it is at hand: no stroke digit is worth a download."""
    return None if missing_files() else load_mnist(train=False)


def draw_more(n):
    """Stroke digits that join MNIST's in a training: other ones than those of the tests.

    MNIST has the usual hands, so the rarer ones come as often here.
    """
    return generate_digits(n, SYNTHETIC_TRAIN[1], common=1)


DIGITS = list("0123456789")
DATASETS = {  # by the name that a command and a checkpoint say
    "mnist": Dataset(
        "MNIST",
        DIGITS,
        load_mnist,
        draw_more,
        other=partial(load_synthetic, train=False),
    ),
    "synthetic": Dataset("stroke digits", DIGITS, load_synthetic, other=mnist_on_disk),
}
DEFAULT, FALLBACK = "mnist", "synthetic"


def load_dataset(name="auto", data_dir="data"):
    """Name, training set and test set of one of DATASETS.

    "default" is DEFAULT; "auto" as well, or FALLBACK where that cannot be had and both have
    the same classes, which is then announced. Raises UserError, ConnectionError without a
    download, OSError for a file that cannot be read.
    """
    wanted = DEFAULT if name in ("auto", "default") else name
    try:
        return wanted, *load_both(wanted, data_dir)
    except ConnectionError as error:
        if name != "auto" or DATASETS[FALLBACK].classes != DATASETS[DEFAULT].classes:
            raise
        print(f"{error}: the built-in {DATASETS[FALLBACK].title} are used instead.")
    return FALLBACK, *load_both(FALLBACK, data_dir)


def load_both(name, data_dir):
    """Training set and test set; raises UserError for labels that no class has."""
    title, classes, load, *_ = DATASETS[name]
    sets = [load(data_dir, train=train) for train in (True, False)]
    if any(labels.max() >= len(classes) for _, labels in sets):
        raise UserError(f"{title} has labels beyond its {len(classes)} classes")
    return sets
