"""The gate's limits: where good models lie, and how far from there a model may stray.

`python -m experiments.sweep --write` trains good models, and writes limits.json from their
figures. A limit lies five standard deviations from their mean, so that no good model
fails: a bell curve would leave that range once in 3.5 million models.
"""

import hashlib
import json
import math
import statistics
from pathlib import Path
from typing import NamedTuple

from pipeline.cli import UserError, write_whole
from pipeline.data import DATASETS
from pipeline.evaluation import METRICS

FILE = Path(__file__).with_name("limits.json")
DEVIATIONS = 5  # from the mean of good models to a limit


class Limit(NamedTuple):
    """What is required of a figure."""

    figure: str
    relation: str  # "≥", "≤", "<" or "="
    required: float | str


def fingerprint(name, images, labels):
    """Mark of a test set: its classes, the images' shape, and all labels.

    The pixels of drawn images differ from machine to machine, by rounding.
    """
    kind = json.dumps([name, DATASETS[name].classes, list(images.shape)])
    return hashlib.sha256(kind.encode() + labels.numpy().tobytes()).hexdigest()[:16]


def read_limits(name, mark, figures):
    """Limits for the measured figures of a data set, and the recipe that set them.

    Raises UserError unless they are of this data set, and of these figures exactly.
    """
    remedy = f"run `python -m experiments.sweep --dataset {name} --write`"
    entries = read_entries()
    try:
        entry = entries[name]
        mark_of_limits, recipe = entry["test_set"], dict(entry["recipe"])
        limits = as_limits(entry["figures"])
        sound = all(math.isfinite(limit.required) for limit in limits)
    except Exception:  # noqa: BLE001 - an edited file raises whatever it leads to
        sound = False
    if not sound:
        raise UserError(f"{FILE.name} has no sound limits for {name}: {remedy}")
    if mark_of_limits != mark:
        raise UserError(f"{FILE.name} is of another test set of {name}: {remedy}")
    given = {limit[:2] for limit in limits}
    wanted = {(figure, r) for figure in METRICS for r in METRICS[figure].relations}
    absent = {figure for figure, measured in figures.items() if measured is None}
    if differing := {figure for figure, _ in given ^ wanted} - absent:
        which = ", ".join(sorted(differing))
        raise UserError(f"{FILE.name} and the figures differ in {which}: {remedy}")
    return limits, recipe


def read_entries():
    """What limits.json says of each data set; raises UserError."""
    try:
        return dict(json.loads(FILE.read_text("utf-8"))) if FILE.exists() else {}
    except (TypeError, ValueError):
        raise UserError(f"{FILE} is damaged: mend it, or delete it") from None


def as_limits(rows):
    """List of Limits from the rows of limits.json."""
    return [
        Limit(figure, relation, required)
        for figure, row in rows.items()
        for relation, required in row["limits"].items()
    ]


def measure_limits(runs, labels):
    """Rows of limits.json from the figures of good models on test images of these labels.

    The deviation counts as one image at least where it is a percentage, of the smallest
    class where it is a recall, and as a tenth of the last printed digit elsewhere; limits
    are rounded outwards.
    """
    rows, smallest = {}, labels.unique(return_counts=True)[1].min().item()
    for name, (_, digits, unit, relations) in METRICS.items():
        values = [figures[name] for figures in runs]
        if not relations or None in values:
            continue
        mean, deviation = statistics.mean(values), statistics.stdev(values)
        step = 10.0**-digits
        images = smallest if name == "worst_recall" else len(labels)
        least = 100 / images if unit == "%" else step / 10
        margin = DEVIATIONS * max(deviation, least)
        bounds = {
            "=": mean,
            "≥": math.floor((mean - margin) / step) * step,
            "≤": math.ceil((mean + margin) / step) * step,
        }
        worst = min(values) if "≥" in relations else max(values)
        row = {"mean": mean, "deviation": deviation, "worst": worst, "n": len(values)}
        rows[name] = {key: round(value, digits + 2) for key, value in row.items()}
        limits = {relation: round(bounds[relation], digits) for relation in relations}
        rows[name]["limits"] = limits
    return rows


def write_limits(name, mark, recipe, rows):
    """Replace what limits.json says of a data set; raises OSError, and then leaves it."""
    entries = read_entries()
    recipe = {knob: value for knob, value in recipe.items() if knob != "seed"}
    entries[name] = {"test_set": mark, "recipe": recipe, "figures": rows}
    text = json.dumps(entries, indent=2, sort_keys=True, ensure_ascii=False)
    write_whole(FILE, text + "\n")
