"""Train the network of model.py and save it as model_YYYYMMDD_HHMMSS.pth (time in UTC).

Example: python train.py --epochs 2 --learning-rate 0.02
"""

import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import numpy as np
import torch
import torch._dynamo  # otherwise the optimizer imports it while the training is timed
import torch.nn.functional as F
from tqdm import tqdm

from model import SimpleCNN
from pipeline import cli
from pipeline.batches import augmented_batches, prefetched
from pipeline.checkpoint import save_checkpoint
from pipeline.cli import setting, share
from pipeline.data import DATASETS, load_dataset
from pipeline.evaluation import accuracy, predict_probabilities


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a training. Each one is an option: --batch-size sets batch_size."""

    # Length and random numbers
    epochs: int = setting(1, "passes over the training images", lowest=1)
    batch_size: int = setting(128, "images per step", lowest=2)
    seed: int = setting(0, "seed of all random numbers")

    # Data: some synthetic digits have shapes that are rare in MNIST.
    synthetic_images: int = setting(8_000, "synthetic digits that are added to MNIST")

    # The optimizer is Adam. Its decay rates are low, because the training is short.
    learning_rate: float = setting(0.025, "highest learning rate")
    warm_up: float = share(0.2, "share of the steps in which the learning rate rises")
    freeze_after: float = share(0.5, "share of the steps after which layer 1 is frozen")
    beta1: float = share(0.7, "decay rate of the mean of the gradients", 0.999)
    beta2: float = share(0.9, "decay rate of the mean of the squared gradients", 0.999)
    label_smoothing: float = share(0.05, "share of a label that goes to all classes")

    # The warps are random: 15 degrees mean an angle from -15 to 15.
    degrees: float = setting(15.0, "rotation in degrees", highest=180)
    translate: float = share(0.1, "shift, as a share of the image's side")
    scale: float = share(0.1, "change of the size, as a share of the size", 0.999)
    distortion: float = share(
        0.2, "shift of a corner, as a share of half a side", 0.999
    )
    perspective_share: float = share(0.5, "share of the images with shifted corners")
    warp_decay: float = share(0.5, "how much weaker warps are at the end (0.5: half)")

    # The noise is added to pixels in [0, 1].
    noise_sigma: float = setting(0.25, "largest standard deviation of the noise")
    noise_share: float = share(0.5, "share of the images with noise")


def one_cycle(recipe, step, steps):
    """Return the learning rate of one step: the rate rises first, then falls to almost 0.

    Steps are counted from 1 to `steps`.
    """
    # The rate is 0 at step 0 and at step `steps + 1`, which do not exist.
    turning_points = [0, recipe.warm_up * steps, steps + 1]
    return np.interp(step, turning_points, [0, recipe.learning_rate, 0]).item()


def train(images, labels, recipe, make_network=SimpleCNN):
    """Train a network on images (N, 1, 28, 28) float and labels (N,) int64.

    The trained network is returned in eval mode. The last batch of an epoch is skipped if it is
    not full, unless it is the only one. The same recipe gives exactly the same weights if
    torch computes in one thread.
    """
    torch.manual_seed(recipe.seed)
    model = make_network().train()
    betas = recipe.beta1, recipe.beta2
    optimizer = torch.optim.Adam(model.parameters(), betas=betas, fused=True)
    layers = [name.rpartition(".")[0] for name, _ in model.named_parameters()]
    first_layer, has_more_layers = layers[0], len(set(layers)) > 1

    steps_per_epoch = max(len(images) // recipe.batch_size, 1)
    steps = recipe.epochs * steps_per_epoch
    batches = augmented_batches(images, labels, recipe, steps_per_epoch)
    progress = tqdm(prefetched(batches), "Training", total=steps, disable=None)
    for step, (inputs, targets) in enumerate(progress, start=1):
        if step > recipe.freeze_after * steps and has_more_layers:
            model.get_submodule(first_layer).requires_grad_(False)  # This saves time.
        optimizer.param_groups[0]["lr"] = one_cycle(recipe, step, steps)
        logits = model(inputs)
        loss = F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress.set_postfix(loss=f"{loss:.3f}", refresh=False)
    return model.eval()


def add_synthetic_images(name, training_set, recipe):
    """Add synthetic images to a training set; return the larger set, and the recipe.

    The returned recipe has the number of images that were really added. It is 0 if the data
    set `name` cannot generate images.
    """
    generate = DATASETS[name].generate
    if not generate or not recipe.synthetic_images:
        return training_set, replace(recipe, synthetic_images=0)
    images, labels = generate(recipe.synthetic_images)
    joined = torch.cat([training_set[0], images]), torch.cat([training_set[1], labels])
    return joined, recipe


def train_and_test(name, training_set, test_set, recipe):
    """Train on the data set `name`; return the model, and the metadata to save with it."""
    classes = DATASETS[name].classes
    started = time.perf_counter()
    training_set, recipe = add_synthetic_images(name, training_set, recipe)
    model = train(*training_set, recipe, lambda: SimpleCNN(len(classes)))
    seconds = time.perf_counter() - started
    images, labels = test_set
    return model, {
        "dataset": name,
        "classes": classes,
        "recipe": asdict(recipe),
        "training_images": len(training_set[0]),
        "training_seconds": seconds,
        "test_accuracy": accuracy(predict_probabilities(model, images), labels),
        "torch_version": str(torch.__version__),
        "trained_at": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def main():
    parser = cli.make_parser(__doc__)
    names = ["auto", "default", *DATASETS]
    text = "'default' is the DEFAULT of pipeline/data.py; 'auto' is the same, but "
    text += "synthetic digits if the download fails"
    parser.add_argument("--dataset", choices=names, default="auto", help=text)
    cli.add_settings(parser, Recipe)
    args = parser.parse_args()
    torch.set_num_threads(1)  # the layers are so small that one thread is fastest
    cli.check_folder(".")  # an error now is better than one after the training
    name, training_set, test_set = load_dataset(args.dataset)
    print(f"Training on {DATASETS[name].title}")
    recipe = cli.read_settings(args, Recipe)
    model, metadata = train_and_test(name, training_set, test_set, recipe)
    n_training, n_test = metadata["training_images"], len(test_set[0])
    seconds = metadata["training_seconds"] / recipe.epochs
    print(f"Training images: {n_training:,}, {seconds:.1f} s per epoch")
    print(f"Test accuracy: {metadata['test_accuracy']:.2f}% of {n_test:,} images")
    print(f"Saved {save_checkpoint(model, metadata)}")


if __name__ == "__main__":
    cli.run_main(main)
