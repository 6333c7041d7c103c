"""What the gate saw: report/metrics.json, summary.md and two figures."""

import hashlib
import json
import platform
from pathlib import Path

import torch
from matplotlib.figure import Figure

from evaluation import predict
from gate import MARKS

FOLDER = Path("report")
ROWS, COLUMNS = 3, 6  # of mistakes shown
DPI = 120


def write_report(gate, previous):
    """Write the report of a Gate, compared with `previous`, that of an earlier model."""
    FOLDER.mkdir(exist_ok=True)
    metrics = json.dumps(list_metrics(gate, previous), indent=2)
    (FOLDER / "metrics.json").write_text(metrics + "\n", encoding="utf-8")
    (FOLDER / "summary.md").write_text(summarize(gate, previous), encoding="utf-8")
    figures = {
        FOLDER / "confusion_matrix.png": draw_confusion_matrix,
        FOLDER / "mistakes.png": draw_mistakes,
    }
    for path in figures:
        path.unlink(missing_ok=True)  # rather none than that of another model
    if gate.pixels is not None:
        probabilities = predict(gate.model, gate.pixels)
        for path, draw in figures.items():
            draw(gate.pixels, gate.labels, probabilities).savefig(path, dpi=DPI)


def list_metrics(gate, previous):
    """All that is known of both checkpoints as plain values."""
    return {
        "verdict": gate.verdict,
        "tests": gate.tests,
        "faults": gate.faults,
        "checks": [check._asdict() | {"passed": check.passed} for check in gate.checks],
        "checkpoint": describe(gate),
        "previous_checkpoint": describe(previous),
        "previous_checks": {check.name: check.measured for check in previous.checks},
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
        },
    }


def describe(gate):
    """Name, SHA-256 and training record of a checkpoint, as far as it can be read."""
    readable = gate.path and gate.path.is_file()
    return {
        "file": gate.path and gate.path.name,
        "sha256": hashlib.sha256(gate.path.read_bytes()).hexdigest()
        if readable
        else None,
        "metadata": gate.model and gate.model.metadata,
    }


def summarize(gate, previous):
    """Markdown of one screen: the verdict, the faults, and a table of all checks."""
    before = {
        check.name: check.form.format(check.measured) for check in previous.checks
    }
    name = gate.path.name if gate.path else "no checkpoint"
    name_before = previous.path.name if before else "previous"
    failed = sum(not passed for passed in gate.tests.values())
    return "\n".join(
        [
            f"## {gate.verdict.upper()}: {name}",
            "",
            f"{gate.dataset_name} data set, {len(gate.checks)} checks.",
            f"{failed} of {len(gate.tests)} tests failed.",
            "",
            *(f"- ✗ {fault}" for fault in gate.faults),
            "",
            f"| check | measured | required | {name_before} | verdict |",
            "| --- | --: | --: | --: | :-: |",
            *(
                f"| {check.name} | {check.form.format(check.measured)} | {check.requirement} "
                f"| {before.get(check.name, '–')} | {MARKS[check.passed]} |"
                for check in gate.checks
            ),
            "",
        ]
    )


def draw_confusion_matrix(pixels, labels, probabilities):
    """Counts of images by truth and guess; only mistakes are coloured."""
    cells = 10 * labels + probabilities.argmax(dim=1)
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


def draw_mistakes(pixels, labels, probabilities):
    """The mistakes in which the model was most confident."""
    confidences, guesses = probabilities.max(dim=1)
    mistakes = (guesses != labels).nonzero().flatten()
    mistakes = mistakes[confidences[mistakes].argsort(descending=True)].tolist()
    figure = Figure(figsize=(COLUMNS * 1.3, ROWS * 1.7), layout="constrained")
    figure.suptitle("The mistakes made with most confidence")
    for axis in figure.subplots(ROWS, COLUMNS).flat:
        axis.set_axis_off()
        if mistakes:
            i = mistakes.pop(0)
            axis.imshow(pixels[i, 0].numpy(), cmap="gray", vmin=0, vmax=1)
            title = f"{labels[i]} read as {guesses[i]}\n{confidences[i]:.1%}"
            axis.set_title(title, fontsize=9)
    return figure
