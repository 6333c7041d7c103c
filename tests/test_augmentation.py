"""Warps against torchvision's own, and the draws of warps and noise."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

import augmentation
from evaluation import WARPS

BILINEAR = InterpolationMode.BILINEAR


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(n):
    return torch.rand(n, 1, 28, 28, generator=seeded())


def pixels_from_unit(points):
    """Points in torchvision's coordinates, where the image spans [0, 28]."""
    return (14 * (points + 1)).tolist()


def draws(n):
    """Degrees, shifts, scales and corners that n images are warped by."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augmentation, "warp", lambda _, *draws: draws)
        return augmentation.random_warp(torch.empty(n, 1, 28, 28), seeded(), *WARPS)


@pytest.mark.parametrize("degrees", [-15.0, 0.0, 10.0])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.8, -1.4)])
@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
def test_affine_warp_equals_torchvision(degrees, shift, scale):
    images = random_images(3)
    shifts = torch.tensor([shift] * 3) / 14
    angles, scales = torch.full((3,), degrees), torch.full((3,), scale)
    corners = augmentation.CORNERS.expand(3, 4, 2)
    warped = augmentation.warp(images, angles, shifts, scales, corners)
    expected = tv.affine(images, degrees, list(shift), scale, [0.0, 0.0], BILINEAR)
    torch.testing.assert_close(warped, expected, atol=1e-4, rtol=0)


def test_perspective_warp_equals_torchvision():
    images = random_images(8)
    corners = augmentation.CORNERS * (1 - 0.2 * torch.rand(8, 4, 2, generator=seeded()))
    still = torch.zeros(8), torch.zeros(8, 2), torch.ones(8)
    warped = augmentation.warp(images, *still, corners)
    start = pixels_from_unit(augmentation.CORNERS)
    for image, moved, ours in zip(images, corners, warped, strict=True):
        expected = tv.perspective(image, start, pixels_from_unit(moved), BILINEAR)
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)


def test_random_warp_equals_torchvision_applied_one_after_the_other():
    inner = F.pad(random_images(50)[..., 10:18, 10:18], [10] * 4)  # nothing leaves
    smooth = tv.gaussian_blur(inner, [9, 9], [1.5, 1.5])  # as two resamplings blur
    warped = augmentation.random_warp(smooth, seeded(), *WARPS)
    for image, ours, degrees, shift, scale, corners in zip(
        smooth, warped, *draws(50), strict=True
    ):
        shift = (14 * shift).tolist()
        once = tv.affine(
            image, degrees.item(), shift, scale.item(), [0.0, 0.0], BILINEAR
        )
        start = pixels_from_unit(augmentation.CORNERS)
        twice = tv.perspective(once, start, pixels_from_unit(corners), BILINEAR)
        assert (ours - twice).abs().mean() < 0.004


def test_draws_fill_their_ranges_evenly():
    degrees, shifts, scales, corners = draws(10_000)
    inward = 1 - corners / augmentation.CORNERS
    struck = inward.flatten(1).any(dim=1)
    assert struck.float().mean().item() == pytest.approx(0.5, abs=0.02)
    for values, lowest, highest in [
        (degrees, -15, 15),
        (shifts * 14, -2.8, 2.8),
        (scales, 0.9, 1.1),
        (inward[struck], 0, 0.2),
    ]:
        width, middle = highest - lowest, (lowest + highest) / 2
        assert lowest - 1e-5 <= values.min() < lowest + 0.01 * width
        assert highest - 0.01 * width < values.max() <= highest + 1e-5
        assert values.mean().item() == pytest.approx(middle, abs=0.02 * width)
    assert (shifts[:, 0] != shifts[:, 1]).all()


def test_warps_depend_on_the_seed_alone():
    first, again, other = (
        augmentation.random_warp(random_images(8), seeded(s), *WARPS) for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_noise_strikes_half_of_the_images_with_various_strength():
    images = torch.zeros(10_000, 1, 28, 28)
    noise = augmentation.add_noise(images, seeded(), sigma=0.25, share=0.5)
    sigmas = noise.flatten(1).std(dim=1)
    struck = sigmas[sigmas > 0]
    assert len(struck) / len(sigmas) == pytest.approx(0.5, abs=0.02)
    assert struck.mean().item() == pytest.approx(0.125, abs=0.005)
    assert 0.24 < struck.max() < 0.28
