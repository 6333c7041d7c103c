"""Write page/model.js, the network for the page, from a checkpoint."""

import json
import os
from pathlib import Path

import torch
from torch import nn

from model import SimpleCNN
from pipeline import cli
from pipeline.checkpoint import load_checkpoint
from pipeline.cli import UserError, write_file
from pipeline.data import DATASETS
from pipeline.framing import PEN_RANGE
from pipeline.synthetic import DIGIT_SIDE, IMAGE_SIDE

TARGET = Path(__file__).with_name("page") / "model.js"
TEST_IMAGES = 16  # fewer images would test fewer weights
# In ACCEPTED, SQUARE stands for any number that is the same for height and width.
SQUARE = "the same number in both directions"
WINDOW = {"kernel_size": SQUARE, "stride": SQUARE, "padding": 0, "dilation": 1}
IMAGE = (1, IMAGE_SIDE, IMAGE_SIDE)
BATCH_NORM = {"eps": 1e-5, "affine": True, "track_running_stats": True}
ACCEPTED = {  # the layers that page/network.js computes, with the settings it assumes
    nn.LayerNorm: {"normalized_shape": IMAGE, "eps": 1e-5, "elementwise_affine": False},
    nn.Conv2d: WINDOW | {"groups": 1},
    nn.MaxPool2d: WINDOW | {"ceil_mode": False},
    nn.BatchNorm2d: BATCH_NORM,
    nn.BatchNorm1d: BATCH_NORM,
    nn.ReLU: {},
    nn.Flatten: {"start_dim": 1, "end_dim": -1},
    nn.Linear: {},
}


def describe_layer(name, layer):
    """Return kind, settings and tensors of a layer for model.js; raises UserError."""
    kind = type(layer).__name__
    if type(layer) not in ACCEPTED:
        advice = "add it to page/network.js and export.py"
        raise UserError(f"{name}: the page has no layer {kind}: {advice}")
    description = {"kind": kind}
    for setting, accepted in ACCEPTED[type(layer)].items():
        value = getattr(layer, setting)
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        fits = isinstance(value, int) if accepted is SQUARE else value == accepted
        if not fits:
            only = f"the page computes {kind} only with {setting}={accepted}"
            raise UserError(f"{name}: {only}, not {value}: change model.py")
        description[setting] = value
    for key, tensor in layer.state_dict().items():
        # Nine digits are enough to write a 32-bit number without loss.
        values = [float(f"{value:.9g}") for value in tensor.flatten().tolist()]
        description[key] = {"shape": list(tensor.shape), "values": values}
    return description


def make_test_images():
    """Return random images (n, 1, IMAGE_SIDE, IMAGE_SIDE) on which the page tests itself.

    They find nearly every wrong weight. We added 1 to one weight of a trained network at a
    time: for 99 % of the weights, the logits of at least one of the images changed.
    """
    generator = torch.Generator().manual_seed(0)
    squares = torch.randint(256, (TEST_IMAGES, 1, 4, 4), generator=generator)
    return nn.functional.interpolate(squares / 255, size=IMAGE_SIDE)


def to_javascript(checkpoint):
    """Return the text of model.js for a Checkpoint; raises UserError."""
    if not isinstance(checkpoint.model, nn.Sequential):
        raise UserError("the page computes only an nn.Sequential: change model.py")
    layers = [describe_layer(*named) for named in checkpoint.model.named_children()]
    images = make_test_images()
    with torch.inference_mode():
        logits = checkpoint.model(images)
    if not logits.isfinite().all():
        problem = "gives outputs that are not finite: run `python train.py` again"
        raise UserError(f"{checkpoint.path} {problem}")
    byte_rows = (255 * images).round().int().flatten(1)
    pairs = zip(byte_rows.tolist(), logits.tolist(), strict=True)
    repository = os.environ.get("GITHUB_REPOSITORY")  # owner/name in GitHub Actions
    model = {
        "checkpoint": checkpoint.path.name,
        "sha256": checkpoint.sha256,
        "repository": repository and f"https://github.com/{repository}",
        "dataset": DATASETS[checkpoint.metadata["dataset"]].title,
        "accuracy": checkpoint.metadata["test_accuracy"],
        "classes": checkpoint.metadata["classes"],
        "image_side": IMAGE_SIDE,
        "digit_side": DIGIT_SIDE,
        "pen_widths": PEN_RANGE,
        "test_images": [{"bytes": row, "logits": answer} for row, answer in pairs],
        "layers": layers,
    }
    text = json.dumps(model, allow_nan=False, separators=(",", ":"))
    return f"const MODEL = {text};\n"


def main():
    parser = cli.make_parser(__doc__)
    cli.add_checkpoint_option(parser)
    checkpoint = load_checkpoint(SimpleCNN, parser.parse_args().checkpoint)
    write_file(TARGET, to_javascript(checkpoint))
    print(f"Saved {TARGET.name} of {checkpoint.path.name}: open page/index.html")


if __name__ == "__main__":
    cli.run_main(main)
