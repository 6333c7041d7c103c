"""Batches of a training: shuffled, augmented, and prepared by a second thread."""

from concurrent.futures import ThreadPoolExecutor

import torch

from pipeline.augmentation import add_noise, random_warp


def augment(images, recipe, strength, generator):
    """Augment images (N, C, H, W) float with the settings of a `Recipe` of train.py.

    `strength` from 0 to 1 scales the ranges of the warps.
    """
    ranges = recipe.degrees, recipe.translate, recipe.scale, recipe.distortion
    ranges = [strength * largest for largest in ranges]
    warped = random_warp(images, generator, *ranges, recipe.perspective_share)
    return add_noise(warped, generator, recipe.noise_sigma, recipe.noise_share)


def augmented_batches(images, labels, recipe, steps_per_epoch):
    """Yield the images and labels of each step, shuffled; the warps become weaker."""
    generator = torch.Generator().manual_seed(recipe.seed)
    steps = recipe.epochs * steps_per_epoch
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(images), generator=generator)
        for batch in range(steps_per_epoch):
            start = batch * recipe.batch_size
            chosen = order[start : start + recipe.batch_size]
            step = epoch * steps_per_epoch + batch
            strength = 1 - recipe.warp_decay * step / steps
            yield augment(images[chosen], recipe, strength, generator), labels[chosen]


def prefetched(batches):
    """Yield the same batches, while a second thread prepares the next one."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        upcoming = executor.submit(next, batches, None)  # None follows the last batch
        while batch := upcoming.result():
            upcoming = executor.submit(next, batches, None)
            yield batch
