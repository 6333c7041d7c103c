"""The release gate: five tests of the newest checkpoint in the current folder. Run by `pytest`, or as a script."""

import contextlib
import sys

import pytest
import torch

from data import has_mnist, load_test_set
from evaluation import (
    CHANGES,
    accuracy,
    latencies,
    output_difference,
    predict,
    reference_network,
)
from gate import Gate
from model import PARAMETERS, newest_checkpoint
from report import write_report

MAX_PARAMETERS = 25_000  # fewer are required
MIN_ACCURACY = {"mnist": 95.0, "strokes": 95.0}  # percent
MIN_MNIST_ACCURACY = 90.0  # percent, of a model trained on stroke digits
LIMITS_UNDER_CHANGE = {  # least accuracy in percent, largest output difference
    "mnist": {
        "Pixel Noise σ = 0.2": (60.0, 0.5),
        "Intensity × 0.9": (95.0, 0.05),
        "Contrast × 0.5": (50.0, 0.5),
        "Background at 0.3": (5.0, 1.4),
        "Gaussian Blur σ = 1 px": (80.0, 0.5),
        "Fresh Random Warps": (90.0, 0.2),
    },
    "strokes": {
        "Pixel Noise σ = 0.2": (60.0, 0.5),
        "Intensity × 0.9": (95.0, 0.05),
        "Contrast × 0.5": (50.0, 0.5),
        "Background at 0.3": (5.0, 1.4),
        "Gaussian Blur σ = 1 px": (80.0, 0.5),
        "Fresh Random Warps": (90.0, 0.2),
    },
}
MAX_MODEL_MB = 0.1
MAX_FILE_MB = 0.1
MAX_SLOWDOWN = {
    1: 4.0,
    32: 4.0,
    64: 4.0,
}  # times the reference network, at that batch size


@pytest.fixture(scope="module")
def gate(request):
    gate = Gate(newest_checkpoint, request.config.get_terminal_writer().line)
    yield gate
    previous = Gate(lambda: newest_checkpoint(skip=1), write_line=lambda _: None)
    for test in TESTS:
        with contextlib.suppress(pytest.fail.Exception):
            test(previous)
    write_report(gate, previous)


@pytest.mark.architecture
def test_architecture(gate):
    with gate.test("Test 1: Model Architecture Validation"):
        model = gate.load_model()
        gate.section("Validating Input and Output Shapes")
        for batch_size in (1, 32, 64):
            shape = tuple(model(torch.zeros(batch_size, 1, 28, 28)).shape)
            gate.line(
                shape == (batch_size, 10),
                f"Input ({batch_size}, 1, 28, 28) gives output {shape}",
            )
        gate.section("Counting Parameters")
        parameters = sum(parameter.numel() for parameter in model.parameters())
        gate.check("Total Parameters", parameters, "<", MAX_PARAMETERS, "{:,}")
        gate.check("Parameter Budget", parameters, "=", PARAMETERS, "{:,}")


@pytest.mark.performance
def test_performance(gate):
    with gate.test("Test 2: Model Performance Evaluation"):
        model = gate.load_model()
        pixels, labels = gate.load_test_set()
        gate.section("Evaluating Model Accuracy")
        measured = accuracy(predict(model, pixels), labels)
        gate.check(
            "Test Accuracy", measured, "≥", MIN_ACCURACY[gate.dataset], "{:.2f}%"
        )
        if gate.dataset == "strokes" and has_mnist():
            gate.section("Evaluating Accuracy on Real Digits")
            images, labels = load_test_set("mnist")
            measured = accuracy(predict(model, images / 255), labels)
            gate.check(
                "MNIST Test Accuracy", measured, "≥", MIN_MNIST_ACCURACY, "{:.2f}%"
            )


@pytest.mark.robustness
def test_robustness(gate):
    with gate.test("Test 3: Model Robustness Evaluation"):
        model = gate.load_model()
        pixels, labels = gate.load_test_set()
        gate.section("Evaluating Changed Test Images")
        clean = predict(model, pixels)
        for name, (least, largest) in LIMITS_UNDER_CHANGE[gate.dataset].items():
            changed = predict(model, CHANGES[name](pixels))
            gate.check(
                f"{name}, Accuracy", accuracy(changed, labels), "≥", least, "{:.2f}%"
            )
            difference = output_difference(clean, changed)
            gate.check(f"{name}, Output Difference", difference, "≤", largest, "{:.3f}")


@pytest.mark.memory
def test_memory(gate):
    with gate.test("Test 4: Memory Usage Evaluation"):
        model = gate.load_model()
        gate.section("Measuring Memory")
        tensors = [*model.parameters(), *model.buffers()]
        megabytes = sum(tensor.nbytes for tensor in tensors) / 1e6
        gate.check("Parameters and Buffers", megabytes, "≤", MAX_MODEL_MB, "{:.3f} MB")
        gate.check(
            "Checkpoint File",
            gate.path.stat().st_size / 1e6,
            "≤",
            MAX_FILE_MB,
            "{:.3f} MB",
        )


@pytest.mark.inference
def test_inference(gate):
    with gate.test("Test 5: Inference Speed Evaluation"):
        model = gate.load_model()
        gate.section("Measuring Median Latency")
        for batch_size, slowdown in MAX_SLOWDOWN.items():
            milliseconds, reference = latencies(
                [model, reference_network()], batch_size
            )
            gate.check(
                f"Latency at Batch Size {batch_size}",
                milliseconds,
                "≤",
                slowdown * reference,
                "{:.3f} ms",
            )


TESTS = (
    test_architecture,
    test_performance,
    test_robustness,
    test_memory,
    test_inference,
)

if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
