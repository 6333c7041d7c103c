"""The report of the gate: report/summary.md, metrics.json and two figures."""

import json
import math
from pathlib import Path

import torch

from pipeline.checkpoint import METADATA_TYPES
from pipeline.cli import check_folder, markdown_table, write_file
from pipeline.data import DATASETS
from pipeline.metrics import METRICS

FOLDER = Path("report")
SUMMARY, METRICS_FILE = FOLDER / "summary.md", FOLDER / "metrics.json"
CONFUSION_MATRIX, MISTAKES = FOLDER / "confusion_matrix.png", FOLDER / "mistakes.png"
ROWS, COLUMNS = 3, 6  # of the images in mistakes.png
ADVICE = "The limits are those of the default recipe and network: see README.md."
OPTIONAL = "recipe", "trained_at", "torch_version"  # metadata that may be missing


def clear_report():
    """Create the folder, and delete the report of an earlier run; raises UserError."""
    check_folder(FOLDER)
    for path in (SUMMARY, METRICS_FILE, CONFUSION_MATRIX, MISTAKES):
        path.unlink(missing_ok=True)


def write_failure(reason):
    """Write the report of a gate that could not measure a checkpoint; raises OSError."""
    write_metrics(verdict="failed", reason=reason)
    write_file(SUMMARY, f"## FAILED\n\n{reason}\n")


def write_metrics(**content):
    """Write metrics.json. NaN and infinity become null, because JSON does not have them."""
    # json.dumps writes NaN although JSON has none. json.loads calls parse_constant for it.
    content = json.loads(json.dumps(content), parse_constant=lambda name: None)
    write_file(METRICS_FILE, json.dumps(content, indent=2) + "\n")


def write_report(verdict, evaluation, checks, predecessor):
    """Write the report of a measured checkpoint; raises OSError.

    `verdict` is "passed", "failed" or "partial: …". `predecessor` is the Evaluation of an
    older checkpoint, or a text that says why there is none.
    """
    write_metrics(
        verdict=verdict,
        checkpoint=plain_data(evaluation),
        checks=[check._asdict() | {"passed": check.passed} for check in checks],
        predecessor=plain_data(predecessor),
    )
    draw_confusion_matrix(evaluation)
    draw_mistakes(evaluation)
    older_metrics = {} if isinstance(predecessor, str) else predecessor.metrics
    rows = []
    for check in checks:
        metric, before = METRICS[check.metric], older_metrics.get(check.metric)
        before = "–" if before is None else metric.show(before)
        symbol = "✓" if check.passed else "✗"
        rows.append([metric.title, *check.describe(), before, symbol])
    title = DATASETS[evaluation.checkpoint.metadata["dataset"]].title
    test_set = f"{len(evaluation.labels):,} test images of {title}"
    paragraphs = [
        f"## {verdict.upper()}: {evaluation.checkpoint.path.name} on {test_set}",
        "\n".join(f"- {check}" for check in checks if not check.passed),
        compare(evaluation, predecessor),
        markdown_table(["metric", "measured", "required", "predecessor", ""], rows),
        ADVICE if verdict == "failed" else "",
    ]
    write_file(SUMMARY, "\n\n".join(filter(None, paragraphs)) + "\n")


def plain_data(evaluation):
    """Return file, metadata and metrics of an Evaluation; a text stays as it is."""
    if isinstance(evaluation, str):
        return evaluation
    checkpoint = evaluation.checkpoint
    known = {name: checkpoint.metadata[name] for name in METADATA_TYPES}
    known |= {name: str(checkpoint.metadata.get(name)) for name in OPTIONAL}
    return {
        "file": checkpoint.path.name,
        "sha256": checkpoint.sha256,
        "metadata": known,
        "metrics": evaluation.metrics,
    }


def compare(evaluation, predecessor):
    """Count the test images that only one of two models reads correctly; return a sentence.

    The p-value is that of the exact two-sided sign test on these images
    (McNemar, 1947, https://doi.org/10.1007/BF02295996).
    """
    if isinstance(predecessor, str):
        return f"There is no comparison: {predecessor}."
    right = evaluation.probabilities.argmax(dim=1) == evaluation.labels
    right_before = predecessor.probabilities.argmax(dim=1) == predecessor.labels
    gained = (right & ~right_before).sum().item()
    lost = (~right & right_before).sum().item()
    p = sign_test(gained, lost)
    chance = f"p = {p:.2f}" if p >= 0.01 else "p < 0.01"
    older = predecessor.checkpoint.path.name
    first = f"{gained:,} images are read correctly only by this model"
    return f"{first}, and {lost:,} only by {older} ({chance})."


def sign_test(gained, lost):
    """Return the two-sided p-value of the sign test."""
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / 2**n)


def draw_confusion_matrix(evaluation):
    """Draw the confusion matrix. Only mistakes have a colour."""
    classes = evaluation.checkpoint.metadata["classes"]
    n = len(classes)
    cells = n * evaluation.labels + evaluation.probabilities.argmax(dim=1)
    counts = torch.bincount(cells, minlength=n * n).view(n, n)
    mistakes = counts.clone().fill_diagonal_(0)
    figure = new_figure(2 + 0.4 * n, 2 + 0.4 * n)
    axis = figure.subplots()
    # Only the lighter half of the colours is used, so that the black numbers stay readable.
    axis.imshow(mistakes.numpy(), cmap="Reds", vmax=2 * mistakes.max().item())
    for label, prediction in counts.nonzero().tolist():
        count = counts[label, prediction].item()
        axis.text(prediction, label, count, ha="center", va="center", fontsize=9)
    axis.set(xlabel="Prediction", ylabel="Label", xticks=range(n), yticks=range(n))
    axis.set_xticklabels(classes, rotation=90 if max(map(len, classes)) > 2 else 0)
    axis.set_yticklabels(classes)
    axis.set_title(f"{len(cells):,} test images, {mistakes.sum().item():,} mistakes")
    figure.savefig(CONFUSION_MATRIX)


def draw_mistakes(evaluation):
    """Draw the mistakes in which the model had the highest confidence."""
    classes, labels = evaluation.checkpoint.metadata["classes"], evaluation.labels
    confidences, predictions = evaluation.probabilities.max(dim=1)
    mistakes = (predictions != labels).nonzero().flatten()
    mistakes = mistakes[confidences[mistakes].argsort(descending=True)].tolist()
    figure = new_figure(1.3 * COLUMNS, 1.7 * ROWS)
    figure.suptitle("The mistakes with the highest confidence")
    for place, i in enumerate(mistakes[: ROWS * COLUMNS], start=1):
        axis = figure.add_subplot(ROWS, COLUMNS, place)
        axis.set_axis_off()
        axis.imshow(evaluation.images[i, 0].numpy(), cmap="gray")
        title = f"{classes[labels[i]]} read as {classes[predictions[i]]}"
        axis.set_title(f"{title}\n{confidences[i]:.1%}", fontsize=9)
    figure.savefig(MISTAKES)


def new_figure(width, height):
    from matplotlib.figure import Figure  # not above: it takes half a second

    return Figure([width, height], dpi=120, layout="constrained")
