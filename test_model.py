"""The release gate: five tests of the newest checkpoint in the current folder."""

import contextlib
import sys

import pytest
import torch

from data import has_mnist, load_test_set
from evaluation import (
    CHANGES,
    accuracy,
    cross_entropy,
    latencies,
    output_difference,
    predict,
    reference_network,
)
from gate import Gate
from model import PARAMETERS, newest_checkpoint
from report import write_report

# Beside each limit: mean ± standard deviation of 50 seeds of train.py.
MAX_PARAMETERS = 25_000  # fewer are required
MIN_ACCURACY = {  # percent
    "mnist": 98.7,  # 99.09 ± 0.07
    "strokes": 96.5,  # 97.23 ± 0.13
}
MIN_ON_MNIST = 90.0  # percent, of a network trained on strokes; 97.98 ± 0.13
MAX_LOSS = {  # cross-entropy, which also tells of false confidence
    "mnist": 0.085,  # 0.073 ± 0.002
    "strokes": 0.150,  # 0.129 ± 0.003
}
LIMITS_UNDER_CHANGE = {  # least accuracy in percent, largest output difference
    "mnist": {
        "Pixel Noise σ = 0.2": (98.3, 0.036),  # 98.79 ± 0.08, 0.0295 ± 0.0009
        "Intensity × 0.9": (98.7, 0.001),  # 99.09 ± 0.07, below 0.0001
        "Contrast × 0.5": (98.7, 0.001),  # 99.09 ± 0.07, below 0.0001
        "Background at 0.3": (98.7, 0.001),  # 99.09 ± 0.07, below 0.0001
        "Gaussian Blur σ = 1 px": (98.1, 0.060),  # 98.69 ± 0.11, 0.0399 ± 0.0034
        "Fresh Random Warps": (96.8, 0.085),  # 97.44 ± 0.12, 0.0756 ± 0.0018
    },
    "strokes": {
        "Pixel Noise σ = 0.2": (95.9, 0.060),  # 96.62 ± 0.14, 0.0497 ± 0.0017
        "Intensity × 0.9": (96.5, 0.001),  # 97.23 ± 0.13, below 0.0001
        "Contrast × 0.5": (96.5, 0.001),  # 97.23 ± 0.13, below 0.0001
        "Background at 0.3": (96.5, 0.001),  # 97.23 ± 0.13, below 0.0001
        "Gaussian Blur σ = 1 px": (96.0, 0.062),  # 96.73 ± 0.14, 0.0485 ± 0.0024
        "Fresh Random Warps": (93.0, 0.125),  # 94.27 ± 0.24, 0.1087 ± 0.0029
    },
}
MAX_MODEL_MB = 0.04  # 0.0277, always
MAX_FILE_MB = 0.06  # 0.031, always
MAX_SLOWDOWN = {  # times the latency of the reference network; here of 15 measurements
    1: 6.0,  # 2.1 ± 0.1
    32: 2.5,  # 0.8 ± 0.1
    64: 2.5,  # 0.6 ± 0.1
}


@pytest.fixture(scope="module")
def gate(request):
    gate = Gate(newest_checkpoint, request.config.get_terminal_writer().line)
    yield gate
    previous = Gate(lambda: newest_checkpoint(skip=1), write_line=lambda _: None)
    if previous.dataset == gate.dataset:  # else their numbers mean different things
        for test in TESTS:
            with contextlib.suppress(pytest.fail.Exception):
                test(previous)
    try:
        write_report(gate, previous)
    except OSError as error:
        pytest.fail(f"the report cannot be written: {error}", pytrace=False)


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
        probabilities = predict(model, pixels)
        measured, least = accuracy(probabilities, labels), MIN_ACCURACY[gate.dataset]
        gate.check("Test Accuracy", measured, "≥", least, "{:.2f}%")
        measured, most = cross_entropy(probabilities, labels), MAX_LOSS[gate.dataset]
        gate.check("Test Cross-Entropy", measured, "≤", most, "{:.3f}")
        if gate.dataset == "strokes" and has_mnist():
            gate.section("Evaluating Accuracy on Real Digits")
            images, labels = load_test_set("mnist")
            measured = accuracy(predict(model, images / 255), labels)
            gate.check("MNIST Test Accuracy", measured, "≥", MIN_ON_MNIST, "{:.2f}%")


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
