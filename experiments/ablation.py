"""Train without one part of the recipe at a time, and measure how much accuracy is lost.

The networks are trained on the first 50,000 training images of MNIST and on synthetic digits.
They are validated on the last 10,000 training images. With --unipen FOLDER they also read
UNIPEN (see experiments/handwriting.py).
Example: python -m experiments.ablation --seeds 10 --unipen ~/unipen
"""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import nn

from experiments.handwriting import read_unipen
from experiments.workers import add_processes_option, in_parallel
from model import SimpleCNN
from pipeline.cli import bounded, make_parser, markdown_table, run_main, user_path
from pipeline.evaluation import accuracy, baseline_network, predict_probabilities
from pipeline.metrics import CORRUPTIONS
from pipeline.mnist import load_mnist
from train import Recipe, add_synthetic_images, train

VALIDATION_IMAGES = 10_000  # the last training images of MNIST
UNCHANGED, BASELINE = "no change", "baseline network of 7,098 parameters"
CHANGES = {
    UNCHANGED: Recipe(),
    "no synthetic digits": Recipe(synthetic_images=0),
    BASELINE: Recipe(),
    "learning rate 0.001 instead of 0.025": Recipe(learning_rate=0.001),
    "decay rates 0.9, 0.999 instead of 0.7, 0.9": Recipe(beta1=0.9, beta2=0.999),
    "no freezing of the first convolution": Recipe(freeze_after=1.0),
    "no label smoothing": Recipe(label_smoothing=0.0),
    "no warps": Recipe(degrees=0, translate=0, scale=0, perspective_share=0),
    "warps as large at the end as at the start": Recipe(warp_decay=0.0),
    "no noise": Recipe(noise_share=0.0),
}


def standardized_baseline():
    """Return the baseline network with a layer that standardizes its images, as in SimpleCNN."""
    standardize = nn.LayerNorm([1, 28, 28], elementwise_affine=False)
    return nn.Sequential(standardize, baseline_network())


@cache  # once in each worker process
def load_sets(unipen):
    """Return the training set and a list of test sets. UNIPEN, if it is used, is the last."""
    torch.set_num_threads(1)  # each worker process has one core
    images, labels = load_mnist()
    training_set = images[:-VALIDATION_IMAGES], labels[:-VALIDATION_IMAGES]
    images, labels = images[-VALIDATION_IMAGES:], labels[-VALIDATION_IMAGES:]
    test_sets = [(images, labels)]
    test_sets += [(corrupt(images), labels) for corrupt in CORRUPTIONS.values()]
    if unipen:
        digits = [(x, y) for _, y, x in read_unipen(unipen) if x is not None]
        images, labels = zip(*digits, strict=True)
        test_sets.append((torch.cat(images), torch.tensor(labels)))
    return training_set, test_sets


def validate(change, seed, unipen):
    """Return the accuracies on all test sets after a training with one of CHANGES."""
    training_set, test_sets = load_sets(unipen)
    recipe = replace(CHANGES[change], seed=seed)
    network = standardized_baseline if change == BASELINE else SimpleCNN
    (images, labels), recipe = add_synthetic_images("mnist", training_set, recipe)
    model = train(images, labels, recipe, network)
    return [accuracy(predict_probabilities(model, x), y) for x, y in test_sets]


def main():
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--seeds", type=bounded(int, 2, 1000), default=10, help="trainings per change")
    add("--unipen", type=user_path, help="folder with UNIPEN's files")
    add_processes_option(parser)
    args = parser.parse_args()
    load_mnist()  # so that it is downloaded once, before the workers start

    jobs = {(c, s): (c, s, args.unipen) for c in CHANGES for s in range(args.seeds)}
    runs = {change: [] for change in CHANGES}
    results = in_parallel(validate, jobs, "Trainings", args.processes)
    for (change, _), accuracies in results:
        runs[change].append(accuracies)

    rows = []
    for change, accuracies in runs.items():
        clean, *others = np.mean(accuracies, axis=0)
        cost = np.mean(runs[UNCHANGED], axis=0)[0] - clean
        error = np.std(accuracies, axis=0, ddof=1)[0] / args.seeds**0.5
        cells = [f"{cost:+.2f}", f"{clean:.2f} ± {error:.2f} %"]
        rows.append([change, *cells, *(f"{mean:.2f} %" for mean in others)])
    header = ["change", "cost in points", f"clean (n = {args.seeds})"]
    header += [name.replace("_", " ") for name in CORRUPTIONS]
    print(markdown_table(header + (["UNIPEN"] if args.unipen else []), rows))


if __name__ == "__main__":
    run_main(main)
