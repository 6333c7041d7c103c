"""Warps are compared with torchvision's."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from pipeline import augmentation

CORNERS = [[0, 0], [28, 0], [28, 28], [0, 28]]  # in torchvision's coordinates
BILINEAR = InterpolationMode.BILINEAR
SHARP = torch.rand(50, 1, 28, 28, generator=torch.Generator())
INNER = F.pad(SHARP[..., 10:18, 10:18], [10] * 4)  # no warp moves it out of the image
SMOOTH = tv.gaussian_blur(
    INNER, [9, 9], [1.5, 1.5]
)  # torchvision resamples twice, which blurs


@pytest.mark.parametrize(
    ("images", "affine", "perspective", "tolerance"),
    [(SHARP, 1, 0, 1e-5), (SHARP, 0, 1, 1e-5), (SMOOTH, 1, 1, 0.004)],
)
def test_warp_equals_torchvision(images, affine, perspective, tolerance):
    torch.manual_seed(0)
    degrees = affine * 30 * (torch.rand(50) - 0.5)
    shifts = affine * 0.4 * (torch.rand(50, 2) - 0.5)
    scales = 1 + affine * 0.2 * (torch.rand(50) - 0.5)
    corners = augmentation.CORNERS * (1 - perspective * 0.2 * torch.rand(50, 4, 2))
    warped = augmentation.warp(images, degrees, shifts, scales, corners)
    shifts, ends = (14 * shifts).tolist(), (14 * (corners + 1)).tolist()
    for i, image in enumerate(images):
        moved = degrees[i].item(), shifts[i], scales[i].item(), [0.0, 0.0]
        once = tv.affine(image, *moved, BILINEAR)
        twice = tv.perspective(once, CORNERS, ends[i], BILINEAR)
        assert (warped[i] - twice).abs().mean() < tolerance
