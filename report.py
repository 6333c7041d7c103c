"""What the gate saw: report/summary.md, metrics.json and two figures."""

import json
import math
import platform
from pathlib import Path

import torch
from matplotlib.figure import Figure

from gate import MARKS, judge

FOLDER = Path("report")
ROWS, COLUMNS = 3, 6  # of mistakes shown
DPI = 120


def write_report(candidate, predecessor, limits):
    """Write the report of an Examined checkpoint beside an older one, by Limits.

    Raises OSError.
    """
    FOLDER.mkdir(exist_ok=True)
    metrics = list_metrics(candidate, predecessor, limits)
    text = json.dumps(metrics, indent=2, allow_nan=False) + "\n"
    (FOLDER / "metrics.json").write_text(text, encoding="utf-8")
    text = summarize(candidate, predecessor, limits)
    (FOLDER / "summary.md").write_text(text, encoding="utf-8")
    for draw in (confusion_matrix, mistakes):
        path = FOLDER / f"{draw.__name__}.png"
        path.unlink(missing_ok=True)  # rather none than that of another model
        if not candidate.error:
            draw(candidate).savefig(path, dpi=DPI)


def list_metrics(candidate, predecessor, limits):
    """All that is known of both checkpoints as plain values."""
    checks = judge(limits, candidate)
    return {
        "verdict": verdict(candidate, checks),
        "error": candidate.error,
        "checks": [check._asdict() for check in checks],
        "checkpoint": describe(candidate),
        "predecessor": describe(predecessor),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }


def verdict(candidate, checks):
    failed = candidate.error or not all(check.passed for check in checks)
    return "failed" if failed else "passed"


def describe(examined):
    """Name, SHA-256, training record and figures of a checkpoint, as far as known."""
    checkpoint = examined.checkpoint
    return {
        "file": examined.path and examined.path.name,
        "sha256": checkpoint and checkpoint.sha256,
        "metadata": checkpoint and checkpoint.metadata,
        "figures": {
            name: figure if json_knows(figure) else None
            for name, figure in examined.figures.items()
        },
    }


def json_knows(figure):
    return not isinstance(figure, float) or math.isfinite(figure)


def summarize(candidate, predecessor, limits):
    """Markdown of one screen: the verdict, the faults, and a table of all checks."""
    checks = judge(limits, candidate)
    name = candidate.path.name if candidate.path else "no checkpoint"
    lines = [f"## {verdict(candidate, checks).upper()}: {name}", ""]
    if candidate.error:
        lines.append(f"- ✗ {candidate.error}")
    lines += [f"- {check}" for check in checks if not check.passed]
    lines += ["", compare(candidate, predecessor), ""]

    before = {}
    if predecessor.dataset == candidate.dataset:
        before = {check.name: check.measured for check in judge(limits, predecessor)}
    lines += [
        "| check | measured | required | before | |",
        "| --- | --: | --: | --: | - |",
    ]
    for check in checks:
        cells = [
            check.name,
            check.measured,
            check.required,
            before.get(check.name, "–"),
        ]
        lines.append(f"| {' | '.join(cells)} | {MARKS[check.passed]} |")
    return "\n".join(lines) + "\n"


def compare(candidate, predecessor):
    """Sentence on which test images two models read differently, and by chance or not.

    The exact two-sided sign test on the images that only one of them reads right
    (McNemar, 1947, https://doi.org/10.1007/BF02295996).
    """
    if candidate.error:
        return "No comparison: nothing could be measured."
    if predecessor.error:
        return f"No comparison: {predecessor.error}"
    if not predecessor.path:
        return "No comparison: there is no older checkpoint."
    if predecessor.dataset != candidate.dataset:
        return f"No comparison: {predecessor.path.name} has learned other digits."
    right, right_before = (
        examined.probabilities.argmax(dim=1) == examined.labels
        for examined in (candidate, predecessor)
    )
    gained = (right & ~right_before).sum().item()
    lost = (~right & right_before).sum().item()
    p = sign_test(gained, lost)
    chance = f"p = {p:.2f}" if p >= 0.01 else "p < 0.01"
    return (
        f"Against {predecessor.path.name}: {gained} digits newly right, "
        f"{lost} newly wrong ({chance})."
    )


def sign_test(gained, lost):
    """Probability that fair coins differ at least as much from an even split."""
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / 2**n)


def confusion_matrix(examined):
    """Counts of images by truth and guess; only mistakes are coloured."""
    labels = examined.labels
    cells = 10 * labels + examined.probabilities.argmax(dim=1)
    counts = torch.bincount(cells, minlength=100).view(10, 10)
    figure = Figure(figsize=(6, 6), layout="constrained")
    axis = figure.subplots()
    mistaken = counts - counts.diag().diag()
    legible = 2 * mistaken.max().item()  # never so dark as to hide the text
    axis.imshow(mistaken.numpy(), cmap="Reds", vmax=legible)
    for truth in range(10):
        for guess in range(10):
            if count := counts[truth, guess].item():
                axis.text(guess, truth, count, ha="center", va="center", fontsize=9)
    axis.set(xlabel="Guess", ylabel="Truth", xticks=range(10), yticks=range(10))
    axis.set_title(f"{len(labels):,} test images, {mistaken.sum().item():,} mistaken")
    return figure


def mistakes(examined):
    """The mistakes in which the model was most confident."""
    confidences, guesses = examined.probabilities.max(dim=1)
    wrong = (guesses != examined.labels).nonzero().flatten()
    wrong = wrong[confidences[wrong].argsort(descending=True)].tolist()
    figure = Figure(figsize=(COLUMNS * 1.3, ROWS * 1.7), layout="constrained")
    figure.suptitle("The mistakes made with most confidence")
    for axis in figure.subplots(ROWS, COLUMNS).flat:
        axis.set_axis_off()
        if wrong:
            i = wrong.pop(0)
            axis.imshow(examined.pixels[i, 0].numpy(), cmap="gray", vmin=0, vmax=1)
            title = f"{examined.labels[i]} read as {guesses[i]}\n{confidences[i]:.1%}"
            axis.set_title(title, fontsize=9)
    return figure
