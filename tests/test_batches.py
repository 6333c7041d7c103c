"""The batches of a training."""

import pytest
import torch
from samples import random_set

from pipeline import batches, data
from pipeline.cli import UserError
from train import Recipe

FEW = Recipe(batch_size=16, epochs=2)


@pytest.mark.parametrize(("n", "steps"), [(5, 1), (16, 1), (17, 1), (47, 2), (48, 3)])
def test_batches_are_whole_and_each_epoch_shuffles_anew(n, steps):
    images, labels = torch.zeros(n, 1, 28, 28), torch.arange(n)
    drawn = batches.augmented_batches(images, labels, FEW, steps)
    drawn = [targets.tolist() for _, targets in batches.prefetched(drawn)]
    assert list(map(len, drawn)) == 2 * steps * [min(n, 16)]
    assert len({i for indices in drawn[:steps] for i in indices}) == steps * min(n, 16)
    assert drawn[:steps] != drawn[steps:]


def test_warps_weaken_from_batch_to_batch(monkeypatch):
    monkeypatch.setattr(batches, "random_warp", lambda images, _, *ranges: ranges)
    monkeypatch.setattr(batches, "add_noise", lambda warped, *_: warped)
    images, labels = torch.zeros(64, 1, 28, 28), torch.arange(64)
    drawn = batches.augmented_batches(images, labels, FEW, 4)
    for step, ((*warps, perspective), _) in enumerate(drawn):
        strength = 1 - 0.5 * step / 8
        assert warps == pytest.approx([strength * w for w in (15, 0.1, 0.1, 0.2)])
        assert perspective == 0.5


def test_labels_beyond_the_classes_are_refused_before_training(monkeypatch):
    one_class = data.Dataset("noise", ["a"], lambda *_, train: random_set(2))
    monkeypatch.setitem(data.DATASETS, "noise", one_class)
    with pytest.raises(UserError, match="noise has labels beyond its 1 classes"):
        data.load_dataset("noise")
