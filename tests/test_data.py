"""What a load function returns is checked before anything is trained."""

import pytest
from samples import CLASSES, random_set

from pipeline import data
from pipeline.cli import UserError
from pipeline.synthetic import IMAGE_SIDE

N = 3 * len(CLASSES)
IMAGES, LABELS = random_set(N)
WRONG = {  # part of the error, and what the load function returns
    "from 0 to 255 instead of 0 to 1": (255 * IMAGES.round(), LABELS),
    "pixels go from -1 to": (IMAGES.round() - 1, LABELS),
    "pixels go from nan": (IMAGES / 0 * 0, LABELS),
    rf"\({N}, {IMAGE_SIDE}, {IMAGE_SIDE}\) instead": (IMAGES[:, 0], LABELS),
    "the images are torch.uint8": (IMAGES.byte(), LABELS),
    r"the images are .*\(0, 1": (IMAGES[:0], LABELS[:0]),
    rf"the labels are torch.int64 \({N - 1},\)": (IMAGES, LABELS[:-1]),
    "the labels are torch.float32": (IMAGES, LABELS.float()),
    "labels go from -1 to": (IMAGES, LABELS - 1),
    f"instead of 0 to {len(CLASSES) - 1}": (IMAGES, LABELS + 1),
}


@pytest.mark.parametrize("error", WRONG)
def test_wrong_images_and_labels_are_an_error(error, monkeypatch):
    wrong = data.Dataset("noise", CLASSES, lambda train: WRONG[error])
    monkeypatch.setitem(data.DATASETS, "noise", wrong)
    data.load_split.cache_clear()
    with pytest.raises(UserError, match=rf"{error}.*load function of noise \(training"):
        data.load_dataset("noise")


def test_unknown_default_is_an_error(monkeypatch):
    monkeypatch.setattr(data, "DEFAULT", "shpaes")
    with pytest.raises(UserError, match="no data set shpaes .* only mnist"):
        data.load_dataset("default")
