"""A network that the page cannot compute is refused; others are written whole."""

import hashlib
import json
from unittest.mock import Mock

import pytest
from samples import save_network
from torch import nn

import export
from model import SimpleCNN
from pipeline import checkpoint
from pipeline.cli import UserError
from pipeline.synthetic import IMAGE_SIDE

REFUSED = [
    (nn.Softplus(), "no layer Softplus"),
    (nn.Conv2d(1, 2, 3, padding=1), "padding=0, not 1"),
    (nn.Conv2d(1, 2, (3, 5)), r"same number in both directions, not \(3, 5\)"),
    (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode=False, not True"),
    (nn.BatchNorm2d(2, eps=1e-3), "eps=1e-05, not 0.001"),
    (nn.LayerNorm([1, IMAGE_SIDE, IMAGE_SIDE]), "elementwise_affine=False, not True"),
]


@pytest.mark.parametrize(("layer", "reason"), REFUSED)
def test_layer_that_the_page_does_not_compute_is_refused(layer, reason):
    with pytest.raises(UserError, match=f"^conv7: the page .*{reason}"):
        export.describe_layer("conv7", layer)


def test_network_that_is_not_sequential_or_finite_is_refused():
    linear = nn.Linear(IMAGE_SIDE**2, 2)
    nn.init.constant_(linear.weight, 3e38)
    loaded = Mock(spec=checkpoint.Checkpoint, model=linear, path="model.pth")
    with pytest.raises(UserError, match=r"computes only an nn\.Sequential"):
        export.to_javascript(loaded)
    loaded.model = nn.Sequential(nn.Flatten(), linear)
    with pytest.raises(UserError, match="model.pth gives outputs that are not finite"):
        export.to_javascript(loaded)


def test_model_js_describes_the_checkpoint(call, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "TARGET", tmp_path / "model.js")
    path = save_network(tmp_path, SimpleCNN(2), classes=["even", "odd"])
    call(export, f"--checkpoint={path}")
    text = export.TARGET.read_text("utf-8").removeprefix("const MODEL = ")
    model = json.loads(text.removesuffix(";\n"))
    assert (model["checkpoint"], model["classes"]) == (path.name, ["even", "odd"])
    assert model["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
