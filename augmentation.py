"""Random warps of a whole batch in one resampling, and noise.

Per image, with independent draws, the warps are torchvision's RandomRotation(degrees),
RandomAffine(0, translate=(t, t), scale=(1 - s, 1 + s)) and RandomPerspective(distortion, p)
in turn, but every pixel is interpolated once, not three times. Coordinates are those of
torch.nn.functional.grid_sample with align_corners=False: the image spans [-1, 1] from left
to right and from top to bottom. A homography maps output to input coordinates.
"""

import torch
import torch.nn.functional as F

# Clockwise from the top left.
CORNERS = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def random_warp(images, generator, **ranges):
    """Images (N, C, H, W) float, each under a warp of its own; black comes in.

    `ranges` are those of `draw_warps`.
    """
    degrees, shifts, scales, corners = draw_warps(len(images), generator, **ranges)
    affine = affine_homographies(degrees, shifts, scales)
    return warp(images, affine @ perspective_homographies(corners))


def add_noise(images, generator, sigma, share):
    """Images (N, C, H, W) float, a share of them under Gaussian noise.

    Its standard deviation is drawn for each image between 0 and `sigma`.
    """
    struck = torch.rand(len(images), generator=generator) < share
    noisy = images[struck]
    sigmas = torch.empty(len(noisy), 1, 1, 1).uniform_(0, sigma, generator=generator)
    noise = torch.zeros_like(images)
    noise[struck] = sigmas * torch.randn(noisy.shape, generator=generator)
    return images + noise


def draw_warps(n, generator, *, degrees, translate, scale, distortion, perspective):
    """Random degrees (n,), shifts (n, 2), scales (n,) and corners (n, 4, 2).

    The limits either way: `degrees`; `translate`, a share of the image's side; `scale`, an
    enlargement or reduction; `distortion`, an inward shift of a corner as a share of half
    the side, in the share `perspective` of the images.
    """

    def uniform(*shape, limit):
        return torch.empty(shape).uniform_(-limit, limit, generator=generator)

    angles = uniform(n, limit=degrees)
    shifts = uniform(n, 2, limit=2 * translate)  # the image is 2 wide and 2 high
    scales = 1 + uniform(n, limit=scale)
    struck = torch.rand(n, 1, 1, generator=generator) < perspective
    inward = uniform(n, 4, 2, limit=distortion).abs() * struck
    return angles, shifts, scales, CORNERS * (1 - inward)


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
