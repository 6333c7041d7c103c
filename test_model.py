"""The release gate of a trained model, not unit tests of model.py.

It judges the newest checkpoint in the current folder. What is measured stands in
evaluation.py, what is required stands here.
"""

import os
import sys

import pytest

from checkpoint import CheckpointError, find_checkpoints
from gate import Examined, Limit, examine, judge
from report import write_report

# Figure, name, form and relation; the limits of networks trained on MNIST and on stroke
# digits. Above each: mean ± standard deviation of 50 seeds of train.py.
ARCHITECTURE = [
    Limit("output_1", "Output for 1 Image", "{}", "=", "1 × 10", "1 × 10"),
    Limit("output_64", "Output for 64 Images", "{}", "=", "64 × 10", "64 × 10"),
    Limit("parameters", "Total Parameters", "{:,}", "<", 25_000, 25_000),
    Limit("parameters", "Parameter Budget", "{:,}", "=", 6_986, 6_986),
]
PERFORMANCE = [
    Limit("images", "Test Images", "{:,}", "=", 10_000, 10_000),
    # 99.09 ± 0.07; 97.23 ± 0.13
    Limit("accuracy", "Test Accuracy", "{:.2f}%", "≥", 98.7, 96.5),
    # 97.98 ± 0.13 where it was measured
    Limit("mnist_accuracy", "MNIST Test Accuracy", "{:.2f}%", "≥", None, 90.0),
    Limit("worst_recall", "Recall of the Worst Digit", "{:.2f}%", "≥", 97.0, 93.0),
    Limit("cross_entropy", "Test Cross-Entropy", "{:.3f}", "≤", 0.085, 0.150),
    Limit("mistake_confidence", "Confidence on Mistakes", "{:.1f}%", "≤", 65.0, 65.0),
    Limit("false_claim", "Error of the Record", "{:.2f} points", "≤", 0.05, 0.05),
]
ROBUSTNESS = [
    Limit("noise_accuracy", "Accuracy under Noise", "{:.2f}%", "≥", 98.3, 95.9),
    Limit("noise_difference", "Change under Noise", "{:.3f}", "≤", 0.036, 0.060),
    Limit(
        "intensity_accuracy", "Accuracy, Intensity × 0.9", "{:.2f}%", "≥", 98.7, 96.5
    ),
    Limit(
        "intensity_difference", "Change, Intensity × 0.9", "{:.3f}", "≤", 0.001, 0.001
    ),
    Limit(
        "background_accuracy", "Accuracy, Background 0.3", "{:.2f}%", "≥", 98.7, 96.5
    ),
    Limit(
        "background_difference", "Change, Background 0.3", "{:.3f}", "≤", 0.001, 0.001
    ),
    Limit("blur_accuracy", "Accuracy under Blur", "{:.2f}%", "≥", 98.1, 96.0),
    Limit("blur_difference", "Change under Blur", "{:.3f}", "≤", 0.060, 0.062),
    Limit("warps_accuracy", "Accuracy under Warps", "{:.2f}%", "≥", 96.8, 93.0),
    Limit("warps_difference", "Change under Warps", "{:.3f}", "≤", 0.085, 0.125),
]
MEMORY = [
    Limit("megabytes", "Parameters and Buffers", "{:.3f} MB", "≤", 0.04, 0.04),
    Limit("file_megabytes", "Checkpoint File", "{:.3f} MB", "≤", 0.06, 0.06),
]
INFERENCE = [  # as a multiple of the reference network's latency on the same machine
    Limit("slowdown_1", "Latency at Batch Size 1", "{:.1f} ×", "≤", 6.0, 6.0),
    Limit("slowdown_32", "Latency at Batch Size 32", "{:.1f} ×", "≤", 2.5, 2.5),
    Limit("slowdown_64", "Latency at Batch Size 64", "{:.1f} ×", "≤", 2.5, 2.5),
]
LIMITS = [*ARCHITECTURE, *PERFORMANCE, *ROBUSTNESS, *MEMORY, *INFERENCE]


@pytest.fixture(scope="module")
def gate(request):
    """Newest checkpoint, examined, and the function that prints a line."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("the gate measures in one process: run it without -n", False)
    try:
        newest, *older = reversed(find_checkpoints())
    except CheckpointError as error:
        candidate, predecessor = Examined(error=str(error)), Examined()
    else:
        candidate = examine(newest)
        predecessor = examine(older[0]) if older else Examined()
    yield candidate, request.config.get_terminal_writer().line
    try:
        write_report(candidate, predecessor, LIMITS)
    except OSError as error:
        pytest.fail(f"report/ cannot be written ({error.strerror})", pytrace=False)


def judge_and_print(gate, title, limits):
    candidate, print_line = gate
    print_line(f"\n{'=' * 80}\n{title}\n{'=' * 80}")
    if candidate.error:
        pytest.fail(candidate.error, pytrace=False)
    print_line(f"  Model: {candidate.path.name}, trained on {candidate.dataset}")
    checks = judge(limits, candidate)
    for check in checks:
        print_line(f"  {check}")
    if faults := [str(check) for check in checks if not check.passed]:
        pytest.fail("\n".join(faults), pytrace=False)


@pytest.mark.architecture
def test_architecture(gate):
    judge_and_print(gate, "Test 1: Model Architecture Validation", ARCHITECTURE)


@pytest.mark.performance
def test_performance(gate):
    judge_and_print(gate, "Test 2: Model Performance Evaluation", PERFORMANCE)


@pytest.mark.robustness
def test_robustness(gate):
    judge_and_print(gate, "Test 3: Model Robustness Evaluation", ROBUSTNESS)


@pytest.mark.memory
def test_memory(gate):
    judge_and_print(gate, "Test 4: Memory Usage Evaluation", MEMORY)


@pytest.mark.inference
def test_inference(gate):
    judge_and_print(gate, "Test 5: Inference Speed Evaluation", INFERENCE)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
