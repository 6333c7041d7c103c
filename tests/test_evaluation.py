"""Figures of known outputs, and changed images against torchvision's."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms.v2 import functional as tv

import evaluation
from model import SimpleCNN


def random_images(n):
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_blur_equals_torchvision():
    images = F.pad(random_images(3), [4] * 4)
    expected = tv.gaussian_blur(images, [9, 9], [1.0, 1.0])
    blurred = evaluation.CHANGES["blur"](images)
    torch.testing.assert_close(blurred[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4])


def test_changes_alter_images_the_same_way_every_time():
    images = random_images(3)
    for change in evaluation.CHANGES.values():
        assert not torch.equal(change(images), images)
        assert torch.equal(change(images), change(images))


def test_figures_of_known_outputs():
    right, wrong = torch.eye(10), torch.eye(10).roll(1, dims=1)
    outputs = torch.cat([right[:3], 0.6 * wrong[3:4] + 0.4 * right[3:4]])
    labels = torch.arange(4)
    assert evaluation.accuracy(outputs, labels) == 75
    assert evaluation.mistake_confidence(outputs, labels) == pytest.approx(60)
    assert evaluation.mistake_confidence(right, torch.arange(10)) == 0
    expected = -torch.tensor(0.4).log().item() / 4
    assert evaluation.cross_entropy(outputs, labels) == pytest.approx(expected)
    assert evaluation.output_difference(right, wrong) == pytest.approx(2**0.5)


def test_all_figures_of_a_model_are_measured():
    labels = torch.arange(30) % 10
    figures, probabilities = evaluation.measure(
        SimpleCNN().eval(), random_images(30), labels
    )
    assert probabilities.shape == (30, 10)
    assert figures["images"] == 30
    assert figures["output_32"] == "32 × 10"
    assert figures["worst_recall"] <= figures["accuracy"]
    assert 0 < figures["latency_1"] < figures["latency_64"]
    for name in evaluation.CHANGES:
        assert figures[f"{name}_difference"] >= 0
        assert 0 <= figures[f"{name}_accuracy"] <= 100
