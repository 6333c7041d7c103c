"""Synthetic digits for training and testing. The losses in test_train.py depend on them."""

from pipeline import data


def test_no_test_digit_is_a_training_digit():
    sets = [
        data.load_synthetic(),
        data.generate_for_mnist(8000),
        data.load_synthetic(train=False),
    ]
    training, added, test = (
        {image.tobytes() for image in images.numpy()} for images, _ in sets
    )
    assert len(training) == data.SYNTHETIC_TRAIN["n"]
    assert len(test) == data.SYNTHETIC_TEST["n"]
    assert not (training | added) & test
