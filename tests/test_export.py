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
    (nn.Softplus(), "has no layer Softplus"),
    (nn.Conv2d(1, 2, 3, padding=1), "computes Conv2d only with padding=0, not 1"),
    (nn.Conv2d(1, 2, 3, dilation=2), "dilation=1, not 2"),
    (nn.Conv2d(2, 2, 3, groups=2), "groups=1, not 2"),
    (nn.Conv2d(1, 2, (3, 5)), r"equal numbers in both directions, not \(3, 5\)"),
    (nn.MaxPool2d(2, stride=(1, 2)), "stride=equal numbers"),
    (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode=False, not True"),
    (nn.BatchNorm2d(2, eps=1e-3), "eps=1e-05, not 0.001"),
    (nn.BatchNorm1d(2, affine=False), "affine=True, not False"),
    (nn.BatchNorm2d(2, track_running_stats=False), "track_running_stats=True"),
    (nn.LayerNorm([1, IMAGE_SIDE, IMAGE_SIDE]), "elementwise_affine=False, not True"),
    (nn.LayerNorm(IMAGE_SIDE, elementwise_affine=False), r"normalized_shape=\(1, "),
    (nn.Flatten(2), "start_dim=1, not 2"),
    (nn.Flatten(1, 2), "end_dim=-1, not 2"),
]


@pytest.mark.parametrize(("layer", "reason"), REFUSED)
def test_layer_that_the_page_does_not_compute_is_refused(layer, reason):
    with pytest.raises(UserError, match=f"(?s)^conv7: .*{reason}"):
        export.describe_layer("conv7", layer)


def test_network_that_is_no_list_of_layers_is_refused():
    loaded = Mock(spec=checkpoint.Checkpoint, model=nn.Linear(2, 2))
    with pytest.raises(UserError, match=r"only a network that is an nn\.Sequential"):
        export.to_javascript(loaded)


def test_outputs_that_are_not_finite_are_refused():
    huge = nn.Sequential(nn.Flatten(), nn.Linear(IMAGE_SIDE**2, 2))
    nn.init.constant_(huge[1].weight, 3e38)
    loaded = Mock(spec=checkpoint.Checkpoint, model=huge, path="model.pth")
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


def test_instruction_names_the_classes():
    assert export.instruction(list("0123456789")) == "Draw a digit, 0 to 9"
    many = export.instruction(["pomegranate", "fig", *map(str, range(98))])
    assert many == "Draw one of: pomegranate, fig, 0, 1, 2, 3, 4, 5, 6, 7, 8, …"
