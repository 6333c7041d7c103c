"""Write page/model.js, the network for the page, from a checkpoint."""

import argparse
import json
from pathlib import Path

from model import SimpleCNN
from pipeline.checkpoint import find_checkpoints, load_checkpoint
from pipeline.cli import UserError, run, user_path, writing
from pipeline.data import DATASETS

TARGET = Path(__file__).with_name("page") / "model.js"
LAYERS = {  # the settings that the page heeds, and those it knows no other value of
    "LayerNorm": (
        ["eps"],
        {"normalized_shape": (1, 28, 28), "elementwise_affine": False},
    ),
    "Conv2d": (
        ["stride"],
        {"padding": (0, 0), "dilation": (1, 1), "groups": 1, "padding_mode": "zeros"},
    ),
    "MaxPool2d": (
        ["kernel_size", "stride"],
        {"padding": 0, "dilation": 1, "ceil_mode": False},
    ),
    "BatchNorm2d": (["eps"], {"affine": True, "track_running_stats": True}),
    "BatchNorm1d": (["eps"], {"affine": True, "track_running_stats": True}),
    "ReLU": ([], {}),
    "Flatten": ([], {"start_dim": 1, "end_dim": -1}),
    "Linear": ([], {}),
}


def describe_layer(layer):
    """Class, settings and tensors of a layer as plain values; raises UserError."""
    kind = type(layer).__name__
    if kind not in LAYERS:
        raise UserError(f"the page knows no layer {kind}: teach it in page/index.html")
    heeded, fixed = LAYERS[kind]
    for name, value in fixed.items():
        if getattr(layer, name) != value:
            raise UserError(f"the page knows {kind} with {name}={value} alone")
    description = {"kind": kind, **{name: getattr(layer, name) for name in heeded}}
    for name, tensor in layer.state_dict().items():
        values = [float(f"{value:.9g}") for value in tensor.flatten().tolist()]
        description[name] = {"shape": list(tensor.shape), "values": values}
    return description


def numbers(value):
    """All numbers inside nested lists and dictionaries, in order."""
    if isinstance(value, str):
        return []
    if isinstance(value, int | float):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [number for part in parts for number in numbers(part)]


def to_javascript(checkpoint):
    """The text of model.js for a Checkpoint; raises UserError."""
    layers = [describe_layer(layer) for layer in checkpoint.model]
    checksum = 0.0  # in the same order as on the page, and so with the same rounding
    for i, number in enumerate(numbers(layers)):
        checksum += number * (i % 997 + 1)
    model = {
        "checkpoint": checkpoint.path.name,
        "sha256": checkpoint.sha256,
        "dataset": DATASETS[checkpoint.metadata["dataset"]].title,
        "accuracy": checkpoint.metadata["test_accuracy"],
        "trained": str(checkpoint.metadata.get("trained_at", "unknown"))[:10],
        "checksum": checksum,
        "layers": layers,
    }
    text = json.dumps(model, allow_nan=False, separators=(",", ":"))
    return f"const MODEL = {text};\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=user_path, help="default: the newest here")
    args = parser.parse_args()
    checkpoint = load_checkpoint(args.checkpoint or find_checkpoints()[-1], SimpleCNN)
    text = to_javascript(checkpoint)
    partial = TARGET.with_suffix(".partial")
    try:
        with writing(TARGET):
            partial.write_text(text, encoding="utf-8")
            partial.replace(TARGET)
    finally:
        partial.unlink(missing_ok=True)
    print(f"Saved {TARGET.name} of {checkpoint.path.name}: open page/index.html")


if __name__ == "__main__":
    run(main)
