"""Warps against torchvision's own, and the draws of warps and noise."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from pipeline import augmentation
from pipeline.evaluation import WARPS

BILINEAR = InterpolationMode.BILINEAR
SHARP = torch.rand(50, 1, 28, 28, generator=torch.Generator())
INNER = F.pad(SHARP[..., 10:18, 10:18], [10] * 4)  # which no warp takes out of sight
SMOOTH = tv.gaussian_blur(INNER, [9, 9], [1.5, 1.5])  # as two resamplings blur


def draws(n, *ranges):
    """Degrees, shifts, scales and corners that n images are warped by."""
    images = torch.empty(n, 1, 28, 28)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augmentation, "warp", lambda _, *draws: draws)
        return augmentation.random_warp(images, torch.Generator(), *ranges)


def in_pixels(points):
    """Points in torchvision's coordinates, where the image spans [0, 28]."""
    return (14 * (points + 1)).tolist()


@pytest.mark.parametrize(
    ("images", "ranges", "tolerance"),
    [
        (SHARP, (15, 0.1, 0.1, 0, 0), 1e-5),
        (SHARP, (0, 0, 0, 0.2, 0.5), 1e-5),
        (SMOOTH, WARPS, 0.004),
    ],
)
def test_warp_is_torchvisions_affine_and_then_perspective(images, ranges, tolerance):
    warped = augmentation.random_warp(images, torch.Generator(), *ranges)
    start = in_pixels(augmentation.CORNERS)
    every_draw = zip(*draws(50, *ranges), strict=True)
    for image, ours, draw in zip(images, warped, every_draw, strict=True):
        degrees, shift, scale, corners = draw
        affine = degrees.item(), (14 * shift).tolist(), scale.item(), [0.0, 0.0]
        once = tv.affine(image, *affine, BILINEAR)
        twice = tv.perspective(once, start, in_pixels(corners), BILINEAR)
        assert (ours - twice).abs().mean() < tolerance


def test_draws_fill_their_ranges_evenly():
    degrees, shifts, scales, corners = draws(10_000, *WARPS)
    inward = 1 - corners / augmentation.CORNERS
    struck = inward.flatten(1).any(dim=1)
    assert struck.float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert (shifts[:, 0] != shifts[:, 1]).all()
    for values, lowest, highest in [
        (degrees, -15, 15),
        (shifts * 14, -2.8, 2.8),
        (scales, 0.9, 1.1),
        (inward[struck], 0, 0.2),
    ]:
        shares = (values - lowest) / (highest - lowest)
        assert -1e-5 <= shares.min() < 0.01
        assert 0.99 < shares.max() <= 1 + 1e-5
        assert shares.mean().item() == pytest.approx(0.5, abs=0.02)


def test_noise_strikes_half_of_the_images_with_various_strength():
    images = torch.zeros(10_000, 1, 28, 28)
    noise = augmentation.add_noise(images, torch.Generator(), sigma=0.25, share=0.5)
    again = augmentation.add_noise(images, torch.Generator(), sigma=0.25, share=0.5)
    assert torch.equal(noise, again)
    sigmas = noise.flatten(1).std(dim=1)
    struck = sigmas[sigmas > 0]
    assert len(struck) / len(sigmas) == pytest.approx(0.5, abs=0.02)
    assert struck.mean().item() == pytest.approx(0.125, abs=0.005)
    assert 0.24 < struck.max() < 0.28
