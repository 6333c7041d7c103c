"""Random warps and noise for a whole batch; each image is interpolated only once.

Coordinates are those of torch.nn.functional.grid_sample with align_corners=False: the image
spans [-1, 1] from left to right and from top to bottom.
"""

import torch
import torch.nn.functional as F

# Clockwise from the top left
CORNERS = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def random_warp(images, generator, degrees, translate, scale, distortion, share):
    """Warp each of the images (N, C, H, W) float differently; pixels from outside are black.

    A warp is torchvision's RandomRotation(degrees), RandomAffine(0, (translate, translate),
    (1 - scale, 1 + scale)) and RandomPerspective(distortion, share), one after the other,
    but every pixel is interpolated once instead of up to three times.
    """
    n = len(images)

    def uniform(*shape, limit):
        return torch.empty(shape).uniform_(-limit, limit, generator=generator)

    angles = uniform(n, limit=degrees)
    shifts = uniform(n, 2, limit=2 * translate)  # the image is 2 wide and 2 high
    scales = 1 + uniform(n, limit=scale)
    chosen = torch.rand(n, 1, 1, generator=generator) < share
    # In chosen images, each corner moves towards the centre.
    corner_shifts = uniform(n, 4, 2, limit=distortion).abs() * chosen
    return warp(images, angles, shifts, scales, CORNERS * (1 - corner_shifts))


def warp(images, degrees, shifts, scales, corners):
    """Turn, scale and shift images (N, C, H, W) float, then move CORNERS to `corners`.

    Degrees (N,) are clockwise; scales are (N,), shifts (N, 2) and corners (N, 4, 2) float.
    """
    radians = torch.deg2rad(degrees)
    cos, sin = radians.cos(), radians.sin()
    inverse_turn = torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
    inverse_turn /= scales.view(-1, 1, 1)
    # Turning, scaling and shifting move these points of the input to CORNERS.
    sources = (CORNERS - shifts.unsqueeze(1)) @ inverse_turn
    to_sources, to_corners = projective_frames(sources), projective_frames(corners)
    homographies = to_sources @ to_corners.inverse()  # from output to input

    n, _, height, width = images.shape
    identity = torch.eye(2, 3).unsqueeze(0)  # leaves the pixel centres in place
    centres = F.affine_grid(identity, [1, 1, height, width], align_corners=False)
    pixels = F.pad(centres.view(-1, 2), (0, 1), value=1).mT  # (3, H * W): x, y and 1
    places = homographies @ pixels  # (N, 3, H * W), homogeneous coordinates
    grid = (places[:, :2] / places[:, 2:]).mT.reshape(n, height, width, 2)
    return F.grid_sample(images, grid, align_corners=False)  # bilinear, zeros outside


def projective_frames(points):
    """Return matrices (N, 3, 3) for four points (N, 4, 2), in homogeneous coordinates.

    Each matrix maps (1, 0, 0), (0, 1, 0), (0, 0, 1) and (1, 1, 1) to its four points. So the
    matrix B @ A.inverse() maps the points of a matrix A to the points of a matrix B.
    """
    points = F.pad(points, (0, 1), value=1).mT  # (N, 3, 4): columns x, y, 1
    three, fourth = points.split([3, 1], dim=2)
    factors = torch.linalg.solve(three, fourth)  # (N, 3, 1): fourth = three @ factors
    return three * factors.mT  # This scales each column.


def add_noise(images, generator, sigma, share):
    """Add Gaussian noise to a share of the images (N, C, H, W) float.

    The standard deviation of an image's noise is random, at most `sigma`.
    """
    sigmas = torch.empty(len(images), 1, 1, 1).uniform_(0, sigma, generator=generator)
    chosen = torch.rand(sigmas.shape, generator=generator) < share
    return images + sigmas * chosen * torch.randn(images.shape, generator=generator)
