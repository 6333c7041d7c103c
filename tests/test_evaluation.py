"""Figures of known outputs, and changed images against torchvision's."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.v2 import functional as tv

from pipeline import evaluation

IMAGES = torch.rand(30, 1, 28, 28, generator=torch.Generator().manual_seed(0))
MODEL = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10)).eval()


def test_blur_equals_torchvision():
    images = F.pad(IMAGES[..., 9:19, 9:19], [9] * 4)  # away from the edge
    expected = tv.gaussian_blur(images, [17, 17], [1.0, 1.0])
    torch.testing.assert_close(evaluation.CORRUPTIONS["blur"](images), expected)


def test_figures_of_known_outputs(monkeypatch):
    right, wrong = torch.eye(10), torch.eye(10).roll(1, dims=1)
    outputs = torch.cat([right, right, 0.6 * wrong[3:4] + 0.4 * right[3:4]])
    labels = torch.tensor([*range(10), *range(10), 3])
    monkeypatch.setattr(evaluation, "CORRUPTIONS", {})
    monkeypatch.setattr(evaluation, "predict_probabilities", lambda *_: outputs)
    figures, _ = evaluation.measure(MODEL, IMAGES, labels)
    assert figures["accuracy"] == pytest.approx(100 * 20 / 21)
    assert figures["worst_recall"] == pytest.approx(100 * 2 / 3)
    assert figures["mistake_confidence"] == pytest.approx(60)
    assert figures["cross_entropy"] == pytest.approx(-math.log(0.4) / 21)
    right[3], right[3, 3] = 0.03, 0.73  # the least sure answer
    monkeypatch.setattr(evaluation, "predict_probabilities", lambda *_: right)
    figures, _ = evaluation.measure(MODEL, IMAGES, torch.arange(10))
    assert figures["mistake_confidence"] == pytest.approx(73)


def test_every_change_is_measured_and_the_same_each_time():
    labels = torch.arange(30) % 10
    figures, probabilities = evaluation.measure(MODEL, IMAGES, labels)
    assert figures["megabytes"] == pytest.approx((4 * (7850 + 4 * 10) + 8) / 1e6)
    for name, change in evaluation.CORRUPTIONS.items():
        changed = evaluation.predict_probabilities(MODEL, change(IMAGES))
        difference = (probabilities - changed).square().sum(dim=1).sqrt().mean()
        assert figures[f"{name}_difference"] == pytest.approx(difference.item())
        assert figures[f"{name}_accuracy"] == evaluation.accuracy(changed, labels)
        assert difference > 0.001
