"""What the gate saw: report/summary.md, metrics.json and two figures."""

import json
import math
from pathlib import Path

import torch
from matplotlib.figure import Figure

from pipeline.cli import markdown_table, prepare_folder, write_whole, writing
from pipeline.gate import MARKS, Failure

FOLDER = Path("report")
METRICS, SUMMARY = FOLDER / "metrics.json", FOLDER / "summary.md"
CONFUSIONS, MISTAKES = FOLDER / "confusion_matrix.png", FOLDER / "mistakes.png"
ROWS, COLUMNS = 3, 6  # of mistakes shown


def clear_report():
    """See that there is room, and leave no other model's report; raises UserError."""
    prepare_folder(FOLDER)
    for path in (METRICS, SUMMARY, CONFUSIONS, MISTAKES):
        path.unlink(missing_ok=True)


@writing(FOLDER)
def write_report(verdict, predecessor):
    """Write the report of a Verdict or Failure beside that of an older checkpoint."""
    failed = isinstance(verdict, Failure) or not all(c.passed for c in verdict.checks)
    metrics = {
        "verdict": "failed" if failed else "passed",
        "checkpoint": as_plain_data(verdict),
        "predecessor": as_plain_data(predecessor),
    }
    no_nan = json.loads(json.dumps(metrics), parse_constant=lambda name: None)
    write_whole(METRICS, json.dumps(no_nan, indent=2) + "\n")
    if not isinstance(verdict, Failure):
        draw_confusions(verdict.examined, CONFUSIONS)
        draw_mistakes(verdict.examined, MISTAKES)
    write_whole(SUMMARY, to_markdown(metrics["verdict"], verdict, predecessor))


def as_plain_data(verdict):
    """Name, SHA-256, training record, figures and checks of a checkpoint, or the error."""
    if isinstance(verdict, Failure):
        return {"file": verdict.name, "error": verdict.reason}
    checkpoint = verdict.examined.checkpoint
    return {
        "file": checkpoint.path.name,
        "sha256": checkpoint.sha256,
        "metadata": checkpoint.metadata,
        "figures": verdict.examined.figures,
        "checks": [check._asdict() for check in verdict.checks],
    }


def to_markdown(word, verdict, predecessor):
    """Markdown of one screen: the verdict, the faults, and a table of all checks."""
    if isinstance(verdict, Failure):
        return f"## {word.upper()}: {verdict.name}\n\n{verdict.reason}\n"
    checks = verdict.checks
    comparison, before = compare(verdict, predecessor)
    rows = [
        [c.name, c.measured, c.required, before.get(c.figure, "–"), MARKS[c.passed]]
        for c in checks
    ]
    paragraphs = [
        f"## {word.upper()}: {verdict.headline}",
        "\n".join(f"- {check}" for check in checks if not check.passed),
        comparison,
        markdown_table(["check", "measured", "required", "before", ""], rows),
    ]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def compare(verdict, predecessor):
    """Sentence on which test images two models read differently, and by chance or not;
    and the figures of the predecessor, as text by name.

    The exact two-sided sign test on the images that only one of them reads right
    (McNemar, 1947, https://doi.org/10.1007/BF02295996).
    """
    if isinstance(predecessor, Failure):
        return f"No comparison: {predecessor.reason}.", {}
    now, before = verdict.examined, predecessor.examined
    name = before.checkpoint.path.name
    if now.checkpoint.metadata["dataset"] != before.checkpoint.metadata["dataset"]:
        return f"No comparison: {name} has learned another data set.", {}
    right = now.probabilities.argmax(dim=1) == now.labels
    right_before = before.probabilities.argmax(dim=1) == now.labels
    gained = (right & ~right_before).sum().item()
    lost = (~right & right_before).sum().item()
    p = sign_test(gained, lost)
    chance = f"p = {p:.2f}" if p >= 0.01 else "p < 0.01"
    counts = f"{gained} images newly right, {lost} newly wrong ({chance})"
    figures = {check.figure: check.measured for check in predecessor.checks}
    return f"Against {name}: {counts}.", figures


def sign_test(gained, lost):
    """Probability that fair coins differ at least as much from an even split."""
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / 2**n)


def draw_confusions(examined, path):
    """Counts of images by truth and guess; only mistakes are coloured."""
    classes = examined.checkpoint.metadata["classes"]
    n = len(classes)
    cells = n * examined.labels + examined.probabilities.argmax(dim=1)
    counts = torch.bincount(cells, minlength=n * n).view(n, n)
    mistaken = counts - counts.diag().diag()
    figure = Figure(figsize=(2 + 0.4 * n, 2 + 0.4 * n), layout="constrained")
    axis = figure.subplots()
    legible = 2 * mistaken.max().item()  # never so dark as to hide the text
    axis.imshow(mistaken.numpy(), cmap="Reds", vmax=legible)
    for truth, guess in counts.nonzero().tolist():
        count = counts[truth, guess].item()
        axis.text(guess, truth, count, ha="center", va="center", fontsize=9)
    axis.set(xlabel="Guess", ylabel="Truth", xticks=range(n), yticks=range(n))
    axis.set_xticklabels(classes, rotation=90 if max(map(len, classes)) > 2 else 0)
    axis.set_yticklabels(classes)
    axis.set_title(f"{len(cells):,} test images, {mistaken.sum().item():,} mistaken")
    figure.savefig(path, dpi=120)


def draw_mistakes(examined, path):
    """The mistakes in which the model was most confident."""
    classes = examined.checkpoint.metadata["classes"]
    confidences, guesses = examined.probabilities.max(dim=1)
    confidences[guesses == examined.labels] = 0
    figure = Figure(figsize=(COLUMNS * 1.3, ROWS * 1.7), layout="constrained")
    figure.suptitle("The mistakes made with most confidence")
    axes = figure.subplots(ROWS, COLUMNS).flat
    for axis, i in zip(axes, confidences.argsort(descending=True), strict=False):
        axis.set_axis_off()
        if confidences[i]:
            axis.imshow(examined.images[i, 0].numpy(), cmap="gray")
            title = f"{classes[examined.labels[i]]} read as {classes[guesses[i]]}"
            axis.set_title(f"{title}\n{confidences[i]:.1%}", fontsize=9)
    figure.savefig(path, dpi=120)
