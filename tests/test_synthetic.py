"""Synthetic digits: their number, and which ones. The losses in test_train.py protect their look."""

import pytest
import torch

from pipeline import data, synthetic
from pipeline.synthetic import IMAGE_SIDE


@pytest.mark.parametrize("n", [1, 1003])
def test_digits_are_equally_frequent_and_the_global_generator_is_not_used(n):
    state = torch.get_rng_state()
    images, labels = synthetic.generate_digits(n, 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert (images.shape, labels.dtype) == ((n, 1, IMAGE_SIDE, IMAGE_SIDE), torch.int64)
    counts = labels.bincount(minlength=10)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_no_test_digit_is_a_training_digit():
    training, added, test = (
        {row.tobytes() for row in (255 * images).byte().numpy()}
        for images, _ in (
            data.load_synthetic(),
            data.generate_for_mnist(8000),
            data.load_synthetic(train=False),
        )
    )
    assert len(training) == data.SYNTHETIC_TRAIN["n"]
    assert len(test) == data.SYNTHETIC_TEST["n"]
    assert not (training | added) & test
