"""The built-in digits: repeatable, balanced, and drawn as MNIST's are."""

import pytest
import torch

import strokes


def test_stroke_digits_depend_on_the_seed_alone():
    state = torch.get_rng_state()
    (first, labels), (again, _), (other, _) = (
        strokes.draw_digits(200, s) for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.shape == (200, 1, 28, 28)
    assert first.dtype == torch.uint8
    assert labels.dtype == torch.int64


@pytest.mark.parametrize("n", [1, 7, 1003])
def test_stroke_digits_are_balanced(n):
    counts = strokes.draw_digits(n, 0)[1].bincount(minlength=10)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_stroke_digits_keep_to_mnist_conventions():
    images = strokes.draw_digits(5000, 0)[0].float().squeeze(1) / 255
    assert images.amax(dim=(1, 2)).min() > 0.5
    assert 0.11 < images.mean() < 0.16  # MNIST: 0.13
    places = torch.arange(28.0)
    mass = images.sum(dim=(1, 2))
    x = (images.sum(dim=1) @ places) / mass
    y = (images.sum(dim=2) @ places) / mass
    off_centre = torch.maximum((x - 14).abs(), (y - 14).abs())
    assert (off_centre < 1.5).float().mean() > 0.98  # pixels; MNIST: half of one
    ink = images > 0.5
    width, height = (ink.any(dim=d).sum(dim=1) for d in (1, 2))
    longer = torch.maximum(width, height)
    assert ((longer >= 18) & (longer <= 21)).float().mean() > 0.98


def test_every_variant_of_every_digit_is_drawn(monkeypatch):
    drawn = []

    def write(skeleton, n, generator):
        drawn.append((skeleton, n))
        return original(skeleton, n, generator)

    original = strokes.write
    monkeypatch.setattr(strokes, "write", write)
    strokes.draw_digits(200, 0)
    skeletons = [
        s for variants in strokes.read_skeletons().values() for s in variants.values()
    ]
    assert sorted(strokes.read_skeletons()) == list(range(10))
    assert sorted(skeleton for skeleton, n in drawn if n) == sorted(skeletons)


def test_drawing_no_digits_is_an_error():
    with pytest.raises(ValueError, match="at least 1"):
        strokes.draw_digits(0, 0)
