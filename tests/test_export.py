"""What the page cannot compute is refused, never exported."""

import json

import pytest
from torch import nn

import export


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
    with pytest.raises(export.ExportError, match=reason):
        export.describe_layer(layer)


def test_weights_are_exported_to_the_bit():
    layer = nn.Linear(5, 3)
    text = json.dumps(export.describe_layer(layer))
    weight = json.loads(text)["weight"]
    assert weight["shape"] == [3, 5]
    assert nn.Parameter(layer.weight.new_tensor(weight["values"])).tolist() == (
        layer.weight.flatten().tolist()
    )
