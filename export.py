"""Write page/model.js, the network for the page, from a checkpoint."""

import json
from pathlib import Path

import torch

from model import SimpleCNN
from pipeline.checkpoint import load_checkpoint
from pipeline.cli import UserError, make_parser, run_main, user_path, write_whole
from pipeline.data import DATASETS
from pipeline.framing import PEN_RANGE
from pipeline.synthetic import DIGIT_SIDE, IMAGE_SIDE

TARGET = Path(__file__).with_name("page") / "model.js"
SETTINGS = {  # that the page heeds, of each kind of layer that it knows
    "LayerNorm": [],
    "Conv2d": ["stride"],
    "MaxPool2d": ["kernel_size", "stride"],
    "BatchNorm2d": [],
    "BatchNorm1d": [],
    "ReLU": [],
    "Flatten": [],
    "Linear": [],
}


def describe_layer(layer):
    """Class, settings and tensors of a layer as plain values; raises UserError."""
    kind = type(layer).__name__
    if kind not in SETTINGS:
        raise UserError(f"the page knows no layer {kind}: teach it in page/network.js")
    settings = {name: getattr(layer, name) for name in SETTINGS[kind]}
    tensors = {}
    for name, tensor in layer.state_dict().items():
        # Nine digits tell any two numbers of 32 bits apart.
        values = [float(f"{value:.9g}") for value in tensor.flatten().tolist()]
        tensors[name] = {"shape": list(tensor.shape), "values": values}
    return {"kind": kind} | settings | tensors


def draw_rings():
    """The pictures (20, 1, IMAGE_SIDE, IMAGE_SIDE) that the page draws too, to check its answers.

    They reach nearly every weight: 99 % of all, changed by 1, move a logit by 1e-4.
    """
    p, y, x = torch.meshgrid(
        *map(torch.arange, (20, IMAGE_SIDE, IMAGE_SIDE)), indexing="ij"
    )
    distance = (x - 11 * p % IMAGE_SIDE) ** 2 + (y - 19 * p % IMAGE_SIDE) ** 2
    inner = 4 + 7 * p % 13
    rings = (inner**2 < distance) & (distance < (inner + 3) ** 2)
    return rings.float().unsqueeze(1)


def to_javascript(checkpoint):
    """The text of model.js for a Checkpoint; raises UserError."""
    layers = [describe_layer(layer) for layer in checkpoint.model]
    rings = draw_rings()
    with torch.inference_mode():
        logits = checkpoint.model(rings)
    pairs = zip(rings.flatten(1).int().tolist(), logits.tolist(), strict=True)
    model = {
        "checkpoint": checkpoint.path.name,
        "sha256": checkpoint.sha256,
        "dataset": DATASETS[checkpoint.metadata["dataset"]].title,
        "accuracy": checkpoint.metadata["test_accuracy"],
        "trained": str(checkpoint.metadata.get("trained_at", "unknown"))[:10],
        "classes": checkpoint.metadata["classes"],
        "frame": IMAGE_SIDE,
        "box": DIGIT_SIDE,
        "pen_range": PEN_RANGE,
        "rings": [{"pixels": pixels, "logits": row} for pixels, row in pairs],
        "layers": layers,
    }
    text = json.dumps(model, allow_nan=False, separators=(",", ":"))
    return f"const MODEL = {text};\n"


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--checkpoint", type=user_path, help="default: the newest here")
    args = parser.parse_args()
    checkpoint = load_checkpoint(SimpleCNN, args.checkpoint)
    write_whole(TARGET, to_javascript(checkpoint))
    print(f"Saved {TARGET.name} of {checkpoint.path.name}: open page/index.html")


if __name__ == "__main__":
    run_main(main)
