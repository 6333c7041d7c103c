"""Random warps of a whole batch in one resampling, and noise.

Per image, with independent draws, the warps are torchvision's RandomRotation(degrees),
RandomAffine(0, translate=(t, t), scale=(1 - s, 1 + s)) and RandomPerspective(distortion, p)
in turn, but every pixel is interpolated once, not three times. Coordinates are those of
torch.nn.functional.grid_sample with align_corners=False: the image spans [-1, 1] from left
to right and from top to bottom.
"""

import torch
import torch.nn.functional as F

# Clockwise from the top left.
CORNERS = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def random_warp(images, generator, *ranges):
    """Images (N, C, H, W) float, each under a warp of its own; black comes in.

    `ranges` are those of `draw_warps`.
    """
    degrees, shifts, scales, corners = draw_warps(len(images), generator, *ranges)
    return warp(images, homographies(corners, undo_affine(degrees, shifts, scales)))


def draw_warps(n, generator, degrees, translate, scale, distortion, perspective):
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


def undo_affine(degrees, shifts, scales):
    """Places (N, 4, 2) that a clockwise turn (N,), a scale (N,) and a shift (N, 2) bring
    to CORNERS."""
    radians = torch.deg2rad(degrees)
    cos, sin = radians.cos() / scales, radians.sin() / scales
    turn = torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
    return (CORNERS - shifts.unsqueeze(1)) @ turn


def homographies(places, sources):
    """Matrices (N, 3, 3) that map four places to four sources, both (N, 4, 2).

    Each (x, y) -> (u, v) gives two linear equations in the eight unknowns of
    u = (ax + by + c) / (gx + hy + 1), v = (dx + ey + f) / (gx + hy + 1).
    """
    x, y = places.unbind(dim=2)  # (N, 4) each
    u, v = sources.unbind(dim=2)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    for_u = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=2)
    for_v = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=2)
    equations = torch.cat([for_u, for_v], dim=1)  # (N, 8, 8)
    solution = torch.linalg.solve(equations, torch.cat([u, v], dim=1))  # (N, 8)
    return torch.cat([solution, torch.ones(len(x), 1)], dim=1).view(-1, 3, 3)


def warp(images, matrices):
    """Images (N, C, H, W) float, resampled bilinearly where homographies (N, 3, 3) say."""
    n, _, height, width = images.shape
    upright = torch.eye(2, 3).unsqueeze(0)
    centres = F.affine_grid(upright, [1, 1, height, width], align_corners=False)
    points = F.pad(centres.view(-1, 2), (0, 1), value=1).mT  # (3, H * W): x, y and 1
    places = matrices @ points  # (N, 3, H * W), homogeneous
    grid = (places[:, :2] / places[:, 2:]).mT.reshape(n, height, width, 2)
    return F.grid_sample(images, grid, align_corners=False)  # bilinear, zeros outside


def add_noise(images, generator, sigma, share):
    """Images (N, C, H, W) float, a share of them under Gaussian noise.

    Its standard deviation is drawn for each image between 0 and `sigma`.
    """
    sigmas = torch.empty(len(images), 1, 1, 1).uniform_(0, sigma, generator=generator)
    struck = torch.rand(sigmas.shape, generator=generator) < share
    return images + sigmas * struck * torch.randn(images.shape, generator=generator)
