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


def test_layer_that_the_page_does_not_know_is_refused():
    with pytest.raises(UserError, match="no layer Softplus: teach it"):
        export.describe_layer(nn.Softplus())


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
