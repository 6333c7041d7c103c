"""What the page cannot compute is refused, never exported."""

import hashlib
import json
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from samples import save_network
from torch import nn

import export
from model import SimpleCNN
from pipeline.cli import UserError


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.Softplus(), "no layer Softplus"),
        (nn.Conv2d(1, 8, 3, padding=1), r"padding=\(0, 0\) alone"),
        (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode=False alone"),
        (nn.LayerNorm([1, 28, 28]), "elementwise_affine=False alone"),
    ],
)
def test_what_the_page_does_not_know_is_refused(layer, reason):
    with pytest.raises(UserError, match=reason):
        export.describe_layer(layer)


def test_weights_are_exported_to_the_bit():
    layer = nn.Linear(5, 3)
    weight = json.loads(json.dumps(export.describe_layer(layer)))["weight"]
    assert weight["shape"] == [3, 5]
    assert torch.equal(torch.tensor(weight["values"]), layer.weight.flatten())


def test_the_old_model_stays_until_the_new_one_is_whole(call, tmp_path, monkeypatch):
    target = tmp_path / "model.js"
    target.write_text("old", "utf-8")
    monkeypatch.setattr(export, "TARGET", target)
    classes = ["even", "odd"]
    path = save_network(tmp_path, SimpleCNN(2), classes=classes)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Path, "replace", Mock(side_effect=OSError("No space")))
        with pytest.raises(OSError, match="No space"):
            call(export, f"--checkpoint={path}")
    assert target.read_text("utf-8") == "old"
    assert not list(tmp_path.glob("*.partial"))
    call(export, f"--checkpoint={path}")
    text = target.read_text("utf-8").removeprefix("const MODEL = ")
    model = json.loads(text.removesuffix(";\n"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    parts = [model[key] for key in ("checkpoint", "sha256", "classes")]
    assert parts == [path.name, digest, classes]


@torch.inference_mode()
def test_rings_of_the_self_check_reach_nearly_every_weight():
    model, rings, moved = SimpleCNN().eval(), export.draw_rings(), []
    logits = model(rings)
    for tensor in model.parameters():
        for place in list(np.ndindex(tensor.shape))[::20]:
            tensor[place] += 1
            moved.append((model(rings) - logits).abs().max().item() > 1e-4)
            tensor[place] -= 1
    assert np.mean(moved) > 0.95
