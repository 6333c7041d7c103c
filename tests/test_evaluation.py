"""Metrics of known predictions, and corruptions of the test images."""

import math

import pytest
import torch
from torch import nn
from torchvision.transforms.v2 import functional as tv

from pipeline import evaluation
from pipeline.metrics import CORRUPTIONS, LATENCY_BATCHES

IMAGES = torch.rand(30, 1, 28, 28, generator=torch.Generator().manual_seed(0))
MODEL = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10)).eval()


def test_metrics_of_known_predictions(monkeypatch):
    known = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1], [0.6, 0.4]])
    predict = lambda model, images: known if len(images) > 1 else known[:1] / 2
    monkeypatch.setattr(evaluation, "predict_probabilities", predict)
    monkeypatch.setattr(evaluation, "latencies", lambda models, batch: (3, 2))
    monkeypatch.setattr(evaluation, "CORRUPTIONS", {})
    monkeypatch.setattr(evaluation, "SINGLE_IMAGES", 2)
    metrics, _ = evaluation.measure(MODEL, IMAGES, torch.tensor([0, 0, 1, 1, 1]))
    expected = {
        "parameters": 7850 + 2 * 10,
        "batch_difference": 0.5,
        "accuracy": 80,
        "worst_recall": 100 * 2 / 3,
        "cross_entropy": -math.log(0.4) / 5,
        "mistake_confidence": 60,
        "megabytes": (4 * (7850 + 4 * 10) + 8) / 1e6,
    }
    expected |= {f"relative_latency_{size}": 1.5 for size in LATENCY_BATCHES}
    assert metrics == pytest.approx(expected)
    # Without mistakes, the least confident answer counts.
    metrics, _ = evaluation.measure(MODEL, IMAGES, torch.tensor([0, 0, 1, 1, 0]))
    assert metrics["mistake_confidence"] == pytest.approx(60)


def test_blur_equals_torchvision():
    images = nn.functional.pad(IMAGES[..., 9:19, 9:19], [9] * 4)  # away from the edge
    expected = tv.gaussian_blur(images, [17, 17], [1.0, 1.0])
    torch.testing.assert_close(CORRUPTIONS["blur"](images), expected)


def test_each_corruption_is_measured_and_always_the_same():
    labels = torch.arange(30) % 10
    metrics, probabilities = evaluation.measure(MODEL, IMAGES, labels)
    for name, corrupt in CORRUPTIONS.items():
        corrupted = evaluation.predict_probabilities(MODEL, corrupt(IMAGES))
        difference = (probabilities - corrupted).norm(dim=1).mean().item()
        assert metrics[f"{name}_difference"] == pytest.approx(difference)
        assert metrics[f"{name}_accuracy"] == evaluation.accuracy(corrupted, labels)
        assert difference > 0.001
