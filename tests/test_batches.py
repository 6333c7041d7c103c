"""The batches of a training."""

import pytest
import torch

from pipeline import batches
from train import Recipe

FEW = Recipe(batch_size=16, epochs=2)


@pytest.mark.parametrize(("n", "steps"), [(5, 1), (16, 1), (17, 1), (47, 2), (48, 3)])
def test_batches_are_full_and_each_epoch_is_shuffled_again(n, steps):
    images, labels = torch.zeros(n, 1, 28, 28), torch.arange(n)
    drawn = batches.augmented_batches(images, labels, FEW, steps)
    drawn = [targets.tolist() for _, targets in batches.prefetched(drawn)]
    assert list(map(len, drawn)) == 2 * steps * [min(n, 16)]
    assert len({i for indices in drawn[:steps] for i in indices}) == steps * min(n, 16)
    assert drawn[:steps] != drawn[steps:]
