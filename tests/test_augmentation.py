"""Warps against torchvision's own."""

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
