"""What the page cannot compute is refused, never exported."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import export
from model import SimpleCNN
from pipeline.checkpoint import save_checkpoint
from pipeline.cli import UserError


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.Softplus(), "no layer Softplus"),
        (nn.Conv2d(1, 8, 3, padding=1), r"padding=\(0, 0\) alone"),
        (nn.Conv2d(2, 8, 3, groups=2), "groups=1 alone"),
        (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode=False alone"),
        (nn.LayerNorm([1, 28, 28]), "elementwise_affine=False alone"),
    ],
)
def test_what_the_page_does_not_know_is_refused(layer, reason):
    with pytest.raises(UserError, match=reason):
        export.describe_layer(layer)


def test_weights_are_exported_to_the_bit():
    layer = nn.Linear(5, 3)
    text = json.dumps(export.describe_layer(layer))
    weight = json.loads(text)["weight"]
    assert weight["shape"] == [3, 5]
    assert nn.Parameter(layer.weight.new_tensor(weight["values"])).tolist() == (
        layer.weight.flatten().tolist()
    )


def test_the_old_model_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    def no_space(*_, **__):
        raise OSError("No space left on device")

    target = tmp_path / "model.js"
    target.write_text("old")
    monkeypatch.setattr(export, "TARGET", target)
    classes = ["even", "odd"]
    record = {"dataset": "mnist", "classes": classes, "test_accuracy": 99.0}
    path = save_checkpoint(SimpleCNN(2), record, tmp_path)
    monkeypatch.setattr(sys, "argv", ["export.py", f"--checkpoint={path}"])
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Path, "replace", no_space)
        with pytest.raises(OSError, match="No space"):
            export.main()
    assert target.read_text() == "old"
    assert not target.with_suffix(".partial").exists()
    export.main()
    model = json.loads(target.read_text().removeprefix("const MODEL = ")[:-2])
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
