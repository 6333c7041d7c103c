"""The built-in digits: repeatable, balanced, and drawn as MNIST's are."""

from unittest.mock import Mock

import pytest
import torch

from pipeline import data, strokes


def test_stroke_digits_depend_on_the_seed_alone():
    state = torch.get_rng_state()
    first, again, other = (strokes.draw_digits(200, s)[0] for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("n", [1, 1003])
def test_stroke_digits_are_balanced(n):
    images, labels = strokes.draw_digits(n, 0)
    assert (images.shape, images.dtype) == ((n, 1, 28, 28), torch.float32)
    assert labels.dtype == torch.int64
    counts = labels.bincount(minlength=10)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_stroke_digits_keep_to_mnist_conventions():
    images = strokes.draw_digits(5000, 0)[0].squeeze(1)
    assert torch.equal(images, (255 * images).round() / 255)  # 256 greys
    assert images.amax(dim=(1, 2)).min() > 0.5
    assert 0.11 < images.mean() < 0.16  # MNIST: 0.13
    mass = images.sum(dim=(1, 2))
    x, y = ((images.sum(dim=d) @ torch.arange(28.0)) / mass for d in (1, 2))
    off_centre = torch.maximum((x - 14).abs(), (y - 14).abs())
    assert (off_centre < 1.5).float().mean() > 0.98  # pixels; MNIST: half of one
    width, height = ((images > 0.5).any(dim=d).sum(dim=1) for d in (1, 2))
    longer = torch.maximum(width, height)
    assert ((longer >= 18) & (longer <= 21)).float().mean() > 0.98


def test_every_variant_is_drawn_and_the_rarer_ones_less_often(monkeypatch):
    write = Mock(wraps=strokes.write)
    monkeypatch.setattr(strokes, "write", write)
    strokes.draw_digits(5000, 0, common=6)
    drawn = [call.args[:2] for call in write.call_args_list]
    rarer = strokes.read_skeletons(strokes.RARER)
    assert list(rarer) == list(range(10))
    for digit, variants in strokes.read_skeletons().items():
        shares = [1 if name in rarer[digit] else 6 for name in variants]
        for skeleton, share in zip(variants.values(), shares, strict=True):
            (count,) = (n for strokes, n in drawn if strokes == skeleton)
            assert abs(count - share * 500 / sum(shares)) <= share


def test_no_test_digit_is_among_the_training_digits():
    sets = [255 * data.load_strokes(train=train)[0] for train in (True, False)]
    training, test = ({row.tobytes() for row in rows.byte().numpy()} for rows in sets)
    assert len(training) == data.STROKES_TRAIN[0]
    assert len(test) == data.STROKES_TEST[0]
    assert not training & test
