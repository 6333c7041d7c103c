"""The release gate: five tests of the newest checkpoint in the current folder.

Fixed limits are written in the tests. The other limits come from pipeline/limits.json, which
`python -m experiments.sweep --write` measures. A check uses one of them or both. conftest.py
prints the docstring of each test as a heading.
"""

import sys

import pytest
import torch

from pipeline.synthetic import IMAGE_SIDE


@pytest.mark.architecture
def test_architecture(checkpoint, check):
    """Test 1: Model Architecture Validation"""
    classes = checkpoint.metadata["classes"]
    for n in (1, 32, 64):
        logits = checkpoint.model(torch.rand(n, 1, IMAGE_SIDE, IMAGE_SIDE))
        assert logits.shape == (n, len(classes))
    check("parameters", at_most=25_000)
    check("batch_difference", at_most=0.001)


@pytest.mark.performance
def test_performance(check):
    """Test 2: Model Performance Evaluation"""
    check("accuracy", at_least=95)
    check("worst_recall")
    check("cross_entropy")
    check("mistake_confidence")
    check("accuracy_mismatch", at_most=1.5)  # images


@pytest.mark.robustness
def test_robustness(check):
    """Test 3: Model Robustness Evaluation"""
    check("synthetic_accuracy")
    for corruption in ("noise", "grey_background", "blur", "warps"):
        check(f"{corruption}_accuracy")
        check(f"{corruption}_difference")


@pytest.mark.memory
def test_memory(check):
    """Test 4: Memory Usage Evaluation"""
    check("megabytes", at_most=0.1)
    check("file_megabytes", at_most=0.1)


@pytest.mark.inference
def test_inference(check):
    """Test 5: Inference Speed Evaluation"""
    check("relative_latency_1", at_most=6)
    check("relative_latency_32", at_most=2.5)
    check("relative_latency_64", at_most=2.5)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
