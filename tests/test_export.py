"""What the page cannot compute is refused, never exported."""

import hashlib
import json
from pathlib import Path
from unittest.mock import Mock

import pytest
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


def test_the_old_model_stays_until_the_new_one_is_whole(call, tmp_path, monkeypatch):
    target = tmp_path / "model.js"
    monkeypatch.setattr(export, "TARGET", target)
    path = save_network(tmp_path, SimpleCNN(2), classes=["even", "odd"])
    call(export, f"--checkpoint={path}")
    text = target.read_text("utf-8").removeprefix("const MODEL = ")
    model = json.loads(text.removesuffix(";\n"))
    assert (model["checkpoint"], model["classes"]) == (path.name, ["even", "odd"])
    assert model["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    target.write_text("old", "utf-8")
    monkeypatch.setattr(Path, "replace", Mock(side_effect=OSError("No space")))
    with pytest.raises(OSError, match="No space"):
        call(export, f"--checkpoint={path}")
    assert target.read_text("utf-8") == "old"
    assert len(list(tmp_path.iterdir())) == 2
