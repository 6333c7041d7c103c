"""What the gate saw: report/summary.md, metrics.json and two figures."""

import json
import math
from hashlib import sha256
from pathlib import Path

import torch
from matplotlib.figure import Figure

from pipeline.gate import MARKS, judge

FOLDER = Path("report")
METRICS, SUMMARY = FOLDER / "metrics.json", FOLDER / "summary.md"
CONFUSIONS, MISTAKES = FOLDER / "confusion_matrix.png", FOLDER / "mistakes.png"
ROWS, COLUMNS = 3, 6  # of mistakes shown


def remove_report():
    """Rather no report than that of another model, should this one not be written."""
    for path in (METRICS, SUMMARY, CONFUSIONS, MISTAKES):
        path.unlink(missing_ok=True)


def write_report(candidate, predecessor, limits):
    """Write the report of an Examined checkpoint beside an older one, by Limits."""
    checks = judge(limits, candidate)
    failed = candidate.error or not all(check.passed for check in checks)
    before = []
    if predecessor.dataset == candidate.dataset:
        before = judge(limits, predecessor)
    metrics = {
        "verdict": "failed" if failed else "passed",
        "error": candidate.error,
        "checks": [check._asdict() for check in checks],
        "checkpoint": describe(candidate),
        "predecessor": describe(predecessor),
    }
    no_nan = json.loads(json.dumps(metrics), parse_constant=lambda name: None)
    FOLDER.mkdir(exist_ok=True)
    METRICS.write_text(json.dumps(no_nan, indent=2) + "\n", encoding="utf-8")
    if not candidate.error:
        draw_confusions(candidate, CONFUSIONS)
        draw_mistakes(candidate, MISTAKES)
    text = summarize(metrics["verdict"], candidate, checks, predecessor, before)
    SUMMARY.write_text(text, encoding="utf-8", errors="backslashreplace")


def describe(examined):
    """Name, SHA-256, training record and figures of a checkpoint, as far as known."""
    checkpoint = examined.checkpoint
    return {
        "file": examined.path and examined.path.name,
        "sha256": checkpoint and sha256(checkpoint.content).hexdigest(),
        "metadata": checkpoint and checkpoint.metadata,
        "figures": examined.figures,
    }


def summarize(verdict, candidate, checks, predecessor, before):
    """Markdown of one screen: the verdict, the faults, and a table of all checks."""
    name = candidate.path.name if candidate.path else "no checkpoint"
    faults = [f"- {check}" for check in checks if not check.passed]
    measured_before = {check.name: check.measured for check in before}
    table = ["| check | measured | required | before | |"]
    table.append("| --- | --: | --: | --: | - |")
    for check in checks:
        cells = [check.name, check.measured, check.required]
        cells += [measured_before.get(check.name, "–"), MARKS[check.passed]]
        table.append(f"| {' | '.join(cells)} |")
    paragraphs = [
        f"## {verdict.upper()}: {name}",
        "\n".join(faults),
        candidate.error or compare(candidate, predecessor),
        "\n".join(table) if checks else "",
    ]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def compare(candidate, predecessor):
    """Sentence on which test images two models read differently, and by chance or not.

    The exact two-sided sign test on the images that only one of them reads right
    (McNemar, 1947, https://doi.org/10.1007/BF02295996).
    """
    if not predecessor.checkpoint:
        return f"No comparison: {predecessor.error or 'there is no older checkpoint.'}"
    if predecessor.dataset != candidate.dataset:
        return f"No comparison: {predecessor.path.name} has learned other digits."
    right = candidate.probabilities.argmax(dim=1) == candidate.labels
    right_before = predecessor.probabilities.argmax(dim=1) == predecessor.labels
    gained = (right & ~right_before).sum().item()
    lost = (~right & right_before).sum().item()
    p = sign_test(gained, lost)
    chance = f"p = {p:.2f}" if p >= 0.01 else "p < 0.01"
    counts = f"{gained} digits newly right, {lost} newly wrong ({chance})"
    return f"Against {predecessor.path.name}: {counts}."


def sign_test(gained, lost):
    """Probability that fair coins differ at least as much from an even split."""
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / 2**n)


def draw_confusions(examined, path):
    """Counts of images by truth and guess; only mistakes are coloured."""
    cells = 10 * examined.labels + examined.probabilities.argmax(dim=1)
    counts = torch.bincount(cells, minlength=100).view(10, 10)
    mistaken = counts - counts.diag().diag()
    figure = Figure(figsize=(6, 6), layout="constrained")
    axis = figure.subplots()
    legible = 2 * mistaken.max().item()  # never so dark as to hide the text
    axis.imshow(mistaken.numpy(), cmap="Reds", vmax=legible)
    for truth, guess in counts.nonzero().tolist():
        count = counts[truth, guess].item()
        axis.text(guess, truth, count, ha="center", va="center", fontsize=9)
    axis.set(xlabel="Guess", ylabel="Truth", xticks=range(10), yticks=range(10))
    axis.set_title(f"{len(cells):,} test images, {mistaken.sum().item():,} mistaken")
    figure.savefig(path, dpi=120)


def draw_mistakes(examined, path):
    """The mistakes in which the model was most confident."""
    confidences, guesses = examined.probabilities.max(dim=1)
    confidences[guesses == examined.labels] = 0
    figure = Figure(figsize=(COLUMNS * 1.3, ROWS * 1.7), layout="constrained")
    figure.suptitle("The mistakes made with most confidence")
    axes = figure.subplots(ROWS, COLUMNS).flat
    for axis, i in zip(axes, confidences.argsort(descending=True), strict=False):
        axis.set_axis_off()
        if confidences[i]:
            axis.imshow(examined.images[i, 0].numpy(), cmap="gray")
            title = f"{examined.labels[i]} read as {guesses[i]}"
            axis.set_title(f"{title}\n{confidences[i]:.1%}", fontsize=9)
    figure.savefig(path, dpi=120)
