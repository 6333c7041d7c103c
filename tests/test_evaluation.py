"""Figures of known outputs, and changed images against torchvision's."""

import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.v2 import functional as tv

from model import SimpleCNN
from pipeline import evaluation

IMAGES = torch.rand(30, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_blur_equals_torchvision():
    images = F.pad(IMAGES[..., 9:19, 9:19], [9] * 4)  # away from the edge
    expected = tv.gaussian_blur(images, [17, 17], [1.0, 1.0])
    torch.testing.assert_close(evaluation.CHANGES["blur"](images), expected)


def test_figures_of_known_outputs(monkeypatch):
    right, wrong = torch.eye(10), torch.eye(10).roll(1, dims=1)
    outputs = torch.cat([right, right, wrong[3:4] * 0.6 + right[3:4] * 0.4])
    labels = torch.tensor([*range(10), *range(10), 3])
    monkeypatch.setattr(evaluation, "classify", lambda *_: outputs)
    monkeypatch.setattr(evaluation, "CHANGES", {})
    figures, _ = evaluation.measure(SimpleCNN().eval(), IMAGES, labels)
    assert figures["accuracy"] == pytest.approx(100 * 20 / 21)
    assert figures["worst_recall"] == pytest.approx(100 * 2 / 3)
    assert figures["mistake_confidence"] == pytest.approx(60)
    loss = -torch.tensor(0.4).log().item() / 21
    assert figures["cross_entropy"] == pytest.approx(loss)
    monkeypatch.setattr(evaluation, "classify", lambda *_: right)
    figures, _ = evaluation.measure(SimpleCNN().eval(), IMAGES, torch.arange(10))
    assert figures["mistake_confidence"] == 0


def test_all_figures_of_a_model_are_measured():
    layers = nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10)
    model, labels = nn.Sequential(*layers).eval(), torch.arange(30) % 10
    figures, probabilities = evaluation.measure(model, IMAGES, labels)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(30))
    assert figures["images"] == 30
    assert figures["parameters"] == 7850 + 20
    assert figures["megabytes"] == pytest.approx((4 * (7870 + 20) + 8) / 1e6)
    assert figures["output_32"] == "32 × 10"
    for name, change in evaluation.CHANGES.items():
        changed = evaluation.classify(model, change(IMAGES))  # the same every time
        difference = (probabilities - changed).square().sum(dim=1).sqrt().mean()
        assert figures[f"{name}_difference"] == pytest.approx(difference.item())
        assert figures[f"{name}_accuracy"] == evaluation.accuracy(changed, labels)
        assert difference > 0.001


def test_latency_is_the_least_of_many_calls_in_milliseconds():
    delays = iter([0.0, 0.03, 0.03])
    models = [lambda _: time.sleep(next(delays)), lambda _: time.sleep(0.03)]
    fast, slow = evaluation.latencies(models, IMAGES, repeats=3)
    assert fast < 15 < slow
