"""Pictures are answered in order, and each that cannot be read gets a sentence."""

from functools import partial

import pytest
import torch
from PIL import Image
from samples import save_network
from sheets import to_bytes

import predict
from model import SimpleCNN
from pipeline.data import DIGITS
from pipeline.synthetic import generate_digits


@pytest.fixture
def read(call, tmp_path, monkeypatch, capsys):
    """Function that reads pictures in a folder with a checkpoint and good.png: gives the
    exit code and the lines of both outputs."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(to_bytes(generate_digits(1, 5)[0])[0]).save("good.png")
    save_network(network=SimpleCNN(), dataset="synthetic", classes=DIGITS)

    def read(*arguments):
        with pytest.raises(SystemExit) as stopped:
            call(predict, *arguments)
        return stopped.value.code, *map(str.splitlines, capsys.readouterr())

    return read


def test_good_pictures_are_read_in_order_and_shown_in_a_new_folder(read, tmp_path):
    (tmp_path / "-dash.png").write_bytes((tmp_path / "good.png").read_bytes())
    code, (first, second), errors = read("--show", "--", "good.png", "-dash.png")
    assert (code, errors) == (False, [])
    assert first.startswith("good.png: ")
    assert second.removeprefix("-dash.png: ") == first.removeprefix("good.png: ")
    seen, other = sorted(tmp_path.glob("seen_*/*.png"))
    assert (seen.name, other.name) == ("1_good.png.png", "2_-dash.png.png")
    with Image.open(seen) as picture:
        assert picture.size == (280, 280)


def test_second_guess_is_told_where_the_first_is_unsure():
    unsure = torch.tensor([0.0, 0.352, 0, 0, 0, 0, 0, 0.61, 0.038, 0])
    assert predict.describe_guess(unsure, DIGITS) == "7 (61.0%) or 1 (35.2%)"
    sure = torch.tensor([0.0, 0.008, 0, 0, 0, 0, 0, 0.992, 0, 0])
    assert predict.describe_guess(sure, DIGITS) == "7 (99.2%)"


def test_bad_pictures_get_a_sentence_each_and_the_others_go_on(
    read, tmp_path, monkeypatch
):
    (tmp_path / "text.png").write_text("hello")
    good = (tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(good[:-60])
    (tmp_path / "folder.png").mkdir()
    Image.new("L", (300, 200), 220).save(tmp_path / "blank.png")
    Image.new("RGBA", (300, 200)).save(tmp_path / "clear.png")
    Image.new("L", (500, 500)).save(tmp_path / "huge.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    reasons = {
        "text.png": "cannot be read as a picture",
        "cut.png": "cannot be read as a picture",
        "a\nb.png": "is not a file",
        "folder.png": "is not a file",
        "blank.png": "nothing drawn",
        "clear.png": "nothing drawn",
        "huge.png": "less than 100 megapixels",
    }
    code, answers, errors = read(*reasons, "good.png")
    assert code is True
    assert [answer.partition(" ")[0] for answer in answers] == ["good.png:"]
    for error, (name, reason) in zip(errors, reasons.items(), strict=True):
        assert error.startswith(f"Error: {name.replace(chr(10), '?')} ")
        assert reason in error


def test_name_of_a_picture_stays_on_its_line(read, monkeypatch):
    good = partial(Image.open, "good.png")
    monkeypatch.setattr(predict, "open_picture", lambda path: good())
    assert read("a\nb.png")[1][0].startswith("a?b.png: ")
