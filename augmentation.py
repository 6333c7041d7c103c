"""Random warps of a whole batch in one resampling, and noise.

Per image, with independent draws, the warps are torchvision's RandomRotation(15),
RandomAffine(degrees=0, translate=(0.1, 0.1), scale=(0.9, 1.1)) and
RandomPerspective(distortion_scale=0.2, p=0.5) in turn, but every pixel is interpolated
once, not three times. Coordinates are those of torch.nn.functional.grid_sample with
align_corners=False: the image spans [-1, 1] from left to right and from top to bottom.
A homography maps output to input coordinates.
"""

import torch
import torch.nn.functional as F

DEGREES = 15.0  # largest rotation either way
TRANSLATE = 0.1  # largest shift either way, as a share of the image's side
SCALE = 0.1  # largest enlargement or reduction
DISTORTION = 0.2  # largest inward shift of a corner, as a share of half the side
PERSPECTIVE_SHARE = 0.5  # of the images are seen in perspective
SIGMA = 0.25  # largest standard deviation of the noise; pixels are in [0, 1]
NOISE_SHARE = 0.5  # of the images are noisy

# Clockwise from the top left.
CORNERS = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def augment(images, strength=1.0, generator=None):
    """Images (N, C, H, W) float as training sees them; `strength` scales all warps."""
    return add_noise(random_warp(images, strength, generator), generator)


def random_warp(images, strength=1.0, generator=None):
    """Images (N, C, H, W) float, each under a warp of its own; black comes in."""
    degrees, shifts, scales, corners = draw_parameters(len(images), strength, generator)
    affine = affine_homographies(degrees, shifts, scales)
    return warp(images, affine @ perspective_homographies(corners))


def add_noise(images, generator=None):
    """Images (N, C, H, W) float, some of them under noise of a strength of their own."""
    struck = torch.rand(len(images), generator=generator) < NOISE_SHARE
    noisy = images[struck]
    sigmas = torch.empty(len(noisy), 1, 1, 1).uniform_(0, SIGMA, generator=generator)
    noise = torch.zeros_like(images)
    noise[struck] = sigmas * torch.randn(noisy.shape, generator=generator)
    return images + noise


def draw_parameters(n, strength=1.0, generator=None):
    """Random degrees (n,), shifts (n, 2), scales (n,) and corners (n, 4, 2)."""

    def uniform(*shape, limit):
        limit *= strength
        return torch.empty(shape).uniform_(-limit, limit, generator=generator)

    degrees = uniform(n, limit=DEGREES)
    shifts = uniform(n, 2, limit=2 * TRANSLATE)  # the image is 2 wide and 2 high
    scales = 1 + uniform(n, limit=SCALE)
    struck = torch.rand(n, 1, 1, generator=generator) < PERSPECTIVE_SHARE
    inward = uniform(n, 4, 2, limit=DISTORTION).abs() * struck
    return degrees, shifts, scales, CORNERS * (1 - inward)


def affine_homographies(degrees, shifts, scales):
    """(N, 3, 3) for a clockwise rotation (N,), a scale (N,) and then a shift (N, 2)."""
    radians = torch.deg2rad(degrees)
    cos, sin = radians.cos() / scales, radians.sin() / scales
    # From output to input: the opposite rotation.
    inverse = torch.stack([cos, sin, -sin, cos], dim=1).view(-1, 2, 2)
    top = torch.cat([inverse, -inverse @ shifts.unsqueeze(2)], dim=2)  # (N, 2, 3)
    bottom = torch.tensor([0.0, 0.0, 1.0]).expand(len(top), 1, 3)
    return torch.cat([top, bottom], dim=1)


def perspective_homographies(corners):
    """(N, 3, 3) for the places (N, 4, 2) to which the image's four CORNERS move.

    Each corner (x, y) -> (u, v) gives two linear equations in the eight unknowns of
    u = (ax + by + c) / (gx + hy + 1), v = (dx + ey + f) / (gx + hy + 1).
    """
    x, y = corners.unbind(dim=2)  # (N, 4) each
    u, v = CORNERS.unbind(dim=1)  # (4,) each
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    for_u = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=2)
    for_v = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=2)
    equations = torch.cat([for_u, for_v], dim=1)  # (N, 8, 8)
    solution = torch.linalg.solve(equations, torch.cat([u, v]))  # (N, 8)
    return torch.cat([solution, torch.ones(len(x), 1)], dim=1).view(-1, 3, 3)


def warp(images, homographies):
    """Images (N, C, H, W) float, resampled bilinearly under homographies (N, 3, 3)."""
    height, width = images.shape[2:]
    x = (torch.arange(width) * 2 + 1) / width - 1  # pixel centres
    y = (torch.arange(height) * 2 + 1) / height - 1
    x, y = x.repeat(height), y.repeat_interleave(width)
    points = torch.stack([x, y, torch.ones_like(x)])  # (3, H * W)
    x, y, w = (homographies @ points).unbind(dim=1)  # (N, H * W) each
    grid = torch.stack([x / w, y / w], dim=2).view(-1, height, width, 2)
    return F.grid_sample(images, grid, align_corners=False)  # bilinear, zeros outside
