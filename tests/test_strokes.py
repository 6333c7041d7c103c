"""The built-in digits: how they look is guarded by the first losses in test_train.py."""

from pipeline import data


def test_no_test_digit_is_among_the_training_digits():
    sets = data.load_strokes(), data.draw_more(8000), data.load_strokes(train=False)
    training, joined, test = (
        {row.tobytes() for row in (255 * images).byte().numpy()} for images, _ in sets
    )
    assert len(training) == data.STROKES_TRAIN[0]
    assert len(test) == data.STROKES_TEST[0]
    assert not (training | joined) & test
