"""Both data sets as whole tensors, MNIST and the built-in stroke digits, and batches."""

import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from pipeline.augmentation import add_noise, random_warp
from pipeline.cli import UserError
from pipeline.strokes import draw_digits

RAW = Path("MNIST", "raw")  # where torchvision keeps the files inside its root folder
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
STALL_SECONDS = 5  # for which an address may say nothing before it is given up
DATASETS = {"mnist": "MNIST", "strokes": "Stroke-Digit"}  # as people read them
STROKES_TRAIN = (60_000, 1)  # how many digits, and the seed
STROKES_TEST = (10_000, 2)


def load_dataset(name="auto", data_dir="data"):
    """Name, training set and test set of "mnist" or "strokes".

    A set is images (N, 1, 28, 28) float in [0, 1] and labels (N,) int64. "auto" is "mnist"
    where that can be had and else "strokes", which is then announced. Raises UserError,
    ConnectionError without a download, OSError for a file that cannot be read.
    """
    if name != "strokes":
        try:
            return "mnist", *load_mnist(data_dir)
        except ConnectionError as error:
            if name == "mnist":
                raise
            print(f"{error}: the built-in stroke digits are used instead.")
    return "strokes", draw_digits(*STROKES_TRAIN), draw_digits(*STROKES_TEST)


def load_test_set(name):
    """Test set of "mnist" or "strokes" alone; raises as `load_dataset` does."""
    return load_mnist()[1] if name == "mnist" else draw_digits(*STROKES_TEST)


def load_mnist(data_dir="data"):
    """Training and test set of MNIST; files not in `data_dir`/MNIST/raw are downloaded."""
    if missing := missing_files(data_dir):
        download(data_dir, missing)
    paths = [Path(data_dir, RAW, name) for name in SHA256]
    train_images, train_labels, test_images, test_labels = map(read, paths)
    return (train_images, train_labels), (test_images, test_labels)


def missing_files(data_dir="data"):
    """Paths of those files of MNIST that are not on disk."""
    return [path for name in SHA256 if not (path := Path(data_dir, RAW, name)).exists()]


def read(path):
    """Images or labels from one of the four files."""
    content = np.fromfile(path, dtype=np.uint8)
    if hashlib.sha256(content).hexdigest() != SHA256[path.name]:
        raise UserError(f"{path} is damaged (wrong SHA-256): delete it and run again")
    if "images" in path.name:
        return torch.from_numpy(content[16:]).view(-1, 1, 28, 28) / 255
    return torch.from_numpy(content[8:]).long()


def download(data_dir, missing):
    """Have torchvision fetch MNIST, or raise and leave none of `missing`."""
    from torchvision.datasets import MNIST  # takes over a second to import

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)  # torchvision itself waits forever
    try:
        MNIST(data_dir, download=True)
        missing = []
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().rpartition("\n")[2].strip("<>")
        message = f"MNIST could not be downloaded to {data_dir} ({reason})"
        raise ConnectionError(message) from None
    finally:
        socket.setdefaulttimeout(timeout)
        for path in filter(Path.exists, missing):  # be it half unpacked
            path.unlink()


def augment(images, recipe, strength, generator):
    """Images as training sees them, by a `Recipe` of train.py; `strength` scales warps."""
    ranges = recipe.degrees, recipe.translate, recipe.scale, recipe.distortion
    ranges = [strength * limit for limit in ranges]
    warped = random_warp(images, generator, *ranges, recipe.perspective)
    return add_noise(warped, generator, recipe.sigma, recipe.noisy)


def augmented_batches(images, labels, recipe, steps):
    """Yield images and labels of `steps` batches, shuffled, under ever weaker warps."""
    generator = torch.Generator().manual_seed(recipe.seed)
    for step in range(steps):
        i = step % (steps // recipe.epochs)
        if i == 0:
            order = torch.randperm(len(images), generator=generator)
            batches = order.split(recipe.batch_size)
        chosen = batches[i]
        strength = 1 - recipe.shrinkage * step / steps
        yield augment(images[chosen], recipe, strength, generator), labels[chosen]


def prefetched(batches):
    """The same batches, while a second thread prepares the next one."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        coming = executor.submit(next, batches, None)
        while batch := coming.result():
            coming = executor.submit(next, batches, None)
            yield batch
