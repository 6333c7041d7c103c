"""Random warps of a whole batch in one resampling, and noise.

Coordinates are those of torch.nn.functional.grid_sample with align_corners=False: the image
spans [-1, 1] from left to right and from top to bottom.
"""

import torch
import torch.nn.functional as F

# Clockwise from the top left.
CORNERS = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def random_warp(images, generator, degrees, translate, scale, distortion, perspective):
    """Images (N, C, H, W) float, each under a warp of its own; black comes in.

    That of torchvision's RandomRotation(degrees), RandomAffine(0, (translate, translate),
    (1 - scale, 1 + scale)) and RandomPerspective(distortion, perspective) in turn, but
    every pixel is interpolated once, not three times.
    """
    n = len(images)

    def uniform(*shape, limit):
        return torch.empty(shape).uniform_(-limit, limit, generator=generator)

    angles = uniform(n, limit=degrees)
    shifts = uniform(n, 2, limit=2 * translate)  # the image is 2 wide and 2 high
    scales = 1 + uniform(n, limit=scale)
    struck = torch.rand(n, 1, 1, generator=generator) < perspective
    inward = uniform(n, 4, 2, limit=distortion).abs() * struck
    return warp(images, angles, shifts, scales, CORNERS * (1 - inward))


def warp(images, degrees, shifts, scales, corners):
    """Images (N, C, H, W) float, turned clockwise (N,), scaled (N,) and shifted (N, 2), and
    then with their CORNERS moved to `corners` (N, 4, 2)."""
    radians = torch.deg2rad(degrees)
    cos, sin = radians.cos() / scales, radians.sin() / scales
    undo_turn = torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
    sources = (CORNERS - shifts.unsqueeze(1)) @ undo_turn  # from where CORNERS come
    to_sources, to_corners = projective_frames(sources), projective_frames(corners)
    homographies = to_sources @ to_corners.inverse()  # from output to input

    n, _, height, width = images.shape
    upright = torch.eye(2, 3).unsqueeze(0)
    centres = F.affine_grid(upright, [1, 1, height, width], align_corners=False)
    pixels = F.pad(centres.view(-1, 2), (0, 1), value=1).mT  # (3, H * W): x, y and 1
    places = homographies @ pixels  # (N, 3, H * W), homogeneous
    grid = (places[:, :2] / places[:, 2:]).mT.reshape(n, height, width, 2)
    return F.grid_sample(images, grid, align_corners=False)  # bilinear, zeros outside


def projective_frames(points):
    """Projective frames of four points (N, 4, 2): matrices (N, 3, 3) that map the three unit
    vectors and their sum to the points, all homogeneous."""
    points = F.pad(points, (0, 1), value=1).mT  # (N, 3, 4): columns x, y, 1
    three, fourth = points.split([3, 1], dim=2)
    return three * torch.linalg.solve(three, fourth).mT


def add_noise(images, generator, sigma, share):
    """Images (N, C, H, W) float, a share of them under Gaussian noise of up to `sigma`."""
    sigmas = torch.empty(len(images), 1, 1, 1).uniform_(0, sigma, generator=generator)
    struck = torch.rand(sigmas.shape, generator=generator) < share
    return images + sigmas * struck * torch.randn(images.shape, generator=generator)
