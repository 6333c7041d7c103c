"""Metrics of known predictions, and corruptions compared with torchvision's."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.v2 import functional as tv

from pipeline import evaluation
from pipeline.metrics import CORRUPTIONS

IMAGES = torch.rand(30, 1, 28, 28, generator=torch.Generator().manual_seed(0))
MODEL = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10)).eval()


def test_blur_equals_torchvision():
    images = F.pad(IMAGES[..., 9:19, 9:19], [9] * 4)  # away from the edge
    expected = tv.gaussian_blur(images, [17, 17], [1.0, 1.0])
    torch.testing.assert_close(CORRUPTIONS["blur"](images), expected)


def test_metrics_of_known_predictions(monkeypatch):
    right = torch.eye(10).repeat_interleave(2, dim=0)
    outputs = torch.cat([right, 0.6 * right[:1] + 0.4 * right[6:7]])  # a 3 read as 0
    labels = torch.tensor([*range(20), 6]) // 2
    single = lambda _, images: outputs if len(images) > 1 else outputs[:1] / 2
    monkeypatch.setattr(evaluation, "predict_probabilities", single)
    monkeypatch.setattr(evaluation, "CORRUPTIONS", {})
    monkeypatch.setattr(evaluation, "SINGLE_IMAGES", 2)
    metrics, _ = evaluation.measure(MODEL, IMAGES, labels)
    assert metrics["accuracy"] == pytest.approx(100 * 20 / 21)
    assert metrics["worst_recall"] == pytest.approx(100 * 2 / 3)
    assert metrics["mistake_confidence"] == pytest.approx(60)
    assert metrics["cross_entropy"] == pytest.approx(-math.log(0.4) / 21)
    assert metrics["batch_difference"] == pytest.approx(0.5)
    assert metrics["megabytes"] == pytest.approx((4 * (7850 + 4 * 10) + 8) / 1e6)


def test_without_mistakes_the_least_confident_answer_counts(monkeypatch):
    right = torch.eye(10)
    right[3], right[3, 3] = 0.03, 0.73
    answer = lambda model, images: right[: len(images)]
    monkeypatch.setattr(evaluation, "predict_probabilities", answer)
    metrics, _ = evaluation.measure(MODEL, IMAGES[:10], torch.arange(10))
    assert metrics["mistake_confidence"] == pytest.approx(73)


def test_each_corruption_is_measured_and_always_the_same():
    labels = torch.arange(30) % 10
    metrics, probabilities = evaluation.measure(MODEL, IMAGES, labels)
    for name, corrupt in CORRUPTIONS.items():
        corrupted = evaluation.predict_probabilities(MODEL, corrupt(IMAGES))
        difference = (probabilities - corrupted).square().sum(dim=1).sqrt().mean()
        assert metrics[f"{name}_difference"] == pytest.approx(difference.item())
        assert metrics[f"{name}_accuracy"] == evaluation.accuracy(corrupted, labels)
        assert difference > 0.001
