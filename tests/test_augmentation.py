"""A warp equals torchvision's rotation, shift, scaling and perspective."""

import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from pipeline import augmentation

IMAGES = torch.rand(50, 1, 28, 28, generator=torch.Generator().manual_seed(0))
CORNERS = [[0, 0], [28, 0], [28, 28], [0, 28]]  # in torchvision's coordinates


@pytest.mark.parametrize(("affine", "perspective"), [(1, 0), (0, 1)])
def test_warp_equals_torchvision(affine, perspective):
    torch.manual_seed(0)
    degrees = affine * 30 * (torch.rand(50) - 0.5)
    shifts = affine * 0.4 * (torch.rand(50, 2) - 0.5)
    scales = 1 + affine * 0.2 * (torch.rand(50) - 0.5)
    corners = augmentation.CORNERS * (1 - perspective * 0.2 * torch.rand(50, 4, 2))
    warped = augmentation.warp(IMAGES, degrees, shifts, scales, corners)
    shifts, ends = (14 * shifts).tolist(), (14 * (corners + 1)).tolist()
    mode = InterpolationMode.BILINEAR
    for i, image in enumerate(IMAGES):
        moved = degrees[i].item(), shifts[i], scales[i].item(), [0.0, 0.0]
        expected = tv.affine(image, *moved, mode)
        expected = tv.perspective(expected, CORNERS, ends[i], mode)
        assert (warped[i] - expected).abs().mean() < 1e-5
