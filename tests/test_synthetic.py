"""The built-in digits: how they look is guarded by the first losses in test_train.py."""

import pytest
import torch

from pipeline import data, synthetic


@pytest.mark.parametrize("n", [1, 1003])
def test_digits_come_equally_often_and_leave_the_global_draws_alone(n):
    state = torch.get_rng_state()
    images, labels = synthetic.generate_digits(n, 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert (images.shape, labels.dtype) == ((n, 1, 28, 28), torch.int64)
    counts = labels.bincount(minlength=10)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_no_test_digit_is_among_the_training_digits():
    sets = data.load_synthetic(), data.draw_more(8000), data.load_synthetic(train=False)
    training, joined, test = (
        {row.tobytes() for row in (255 * images).byte().numpy()} for images, _ in sets
    )
    assert len(training) == data.SYNTHETIC_TRAIN[0]
    assert len(test) == data.SYNTHETIC_TEST[0]
    assert not (training | joined) & test
