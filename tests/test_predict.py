"""Pictures of any kind are brought to MNIST's form, or refused in one sentence."""

import io
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import predict
from experiments.photos import photograph, to_bytes
from model import SimpleCNN
from pipeline import checkpoint, data, strokes
from pipeline.cli import UserError
from pipeline.framing import PEN
from pipeline.pictures import prepare


@pytest.fixture(scope="module")
def digits():
    """Stroke digits (10, 28, 28) uint8."""
    return to_bytes(strokes.draw_digits(10, 5)[0])


def as_canvas(digit):
    """Black on a clear ground, as a browser saves a drawing."""
    clear = Image.new("RGBA", (28, 28))
    clear.putalpha(Image.fromarray(digit))
    return clear.resize((280, 280), Image.Resampling.BICUBIC)


def as_paper(digit, mode="L"):
    """Dark grey on light grey, somewhere on a sheet."""
    sheet = np.full((400, 300), 230, np.uint8)
    enlarged = Image.fromarray(digit).resize((168, 168), Image.Resampling.BICUBIC)
    sheet[150:318, 60:228] -= (np.asarray(enlarged) * 0.7).astype(np.uint8)
    return Image.fromarray(sheet).convert(mode)


def with_border(digit):
    picture = np.array(as_paper(digit))
    picture[:8] = picture[-8:] = 30
    picture[:, :8] = picture[:, -8:] = 30
    picture[100:104, 270:274] = 30  # and a speck
    return Image.fromarray(picture)


def sixteen_bits(digit):
    return Image.fromarray(np.asarray(as_paper(digit)).astype(np.uint16) * 200)


def turned_by_its_camera(digit):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    file = io.BytesIO()
    turned = as_paper(digit).transpose(Image.Transpose.ROTATE_90)
    turned.save(file, "JPEG", exif=exif)
    return Image.open(file)


@pytest.mark.parametrize(
    "make",
    [
        as_canvas,
        as_paper,
        with_border,
        sixteen_bits,
        turned_by_its_camera,
        lambda digit: as_paper(digit, "P"),
        lambda digit: as_paper(digit, "RGB"),
        lambda digit: as_paper(digit, "CMYK"),
        lambda digit: as_paper(digit, "LA"),
        lambda digit: photograph(digit, 0),
        lambda digit: photograph(digit, 0, light_on_dark=True),
    ],
)
def test_pictures_come_out_as_the_digit_on_them(digits, make):
    differences = []
    for digit in digits:
        pixels = prepare(make(digit))
        assert pixels.shape == (1, 1, 28, 28)
        assert 0 <= pixels.min() <= pixels.max() <= 1
        differences.append((pixels[0, 0] - torch.from_numpy(digit / 255)).abs().mean())
    assert torch.stack(differences).mean() < 0.075  # half of it for a pixel's shift


def test_picture_in_the_form_of_mnist_stays_as_it_is(digits):
    for digit in digits:
        pixels = prepare(Image.fromarray(digit))
        torch.testing.assert_close(pixels[0, 0], torch.from_numpy(digit) / 255)


def test_pen_comes_near_that_of_mnist():
    for width in (4, 40):
        picture = np.full((300, 300), 255, np.uint8)
        picture[50:250, 150 - width // 2 : 150 + width // 2] = 0
        pixels = prepare(Image.fromarray(picture))
        assert PEN[0] - 0.5 < pixels.sum() / 20 < PEN[1] + 0.5


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, digits):
    """Function that runs the script on files and gives exit code and both outputs."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(digits[0]).save("good.png")
    record = {"dataset": "mnist", "classes": data.DIGITS, "test_accuracy": 10.0}
    checkpoint.save_checkpoint(SimpleCNN(), record)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["predict.py", *arguments])
        with pytest.raises(SystemExit) as stopped:
            predict.main()
        return stopped.value.code, *capsys.readouterr()

    return run


def test_good_pictures_are_read_in_order(run, tmp_path):
    code, out, err = run("good.png", "--show", "good.png")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first == second
    assert first.startswith("good.png: ")
    with Image.open(tmp_path / "seen" / "1_good.png.png") as seen:
        assert seen.size == (280, 280)


def test_second_guess_is_told_where_the_first_is_unsure():
    unsure = torch.tensor([0.0, 0.352, 0, 0, 0, 0, 0, 0.61, 0.038, 0])
    assert predict.describe_guess(unsure, data.DIGITS) == "7 (61.0%) or 1 (35.2%)"
    sure = torch.tensor([0.0, 0.008, 0, 0, 0, 0, 0, 0.992, 0, 0])
    assert predict.describe_guess(sure, data.DIGITS) == "7 (99.2%)"


def test_bad_pictures_get_a_sentence_each_and_the_others_go_on(
    run, tmp_path, monkeypatch
):
    (tmp_path / "text.png").write_text("hello")
    good = (tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(good[:-60])
    (tmp_path / "folder.png").mkdir()
    Image.new("L", (300, 200), 220).save(tmp_path / "blank.png")
    Image.new("RGBA", (300, 200)).save(tmp_path / "clear.png")
    Image.new("L", (400, 400)).save(tmp_path / "huge.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    reasons = {
        "text.png": "is not a picture",
        "cut.png": "cannot be read",
        "missing.png": "No such file",
        "folder.png": "is not a file",
        "blank.png": "nothing drawn",
        "clear.png": "nothing drawn",
        "huge.png": "too many pixels",
    }
    code, out, err = run(*reasons, "good.png")
    assert code == 1
    assert out.startswith("good.png: ")
    lines = err.splitlines()
    assert len(lines) == len(reasons)
    for line, (name, reason) in zip(lines, reasons.items(), strict=True):
        assert line.startswith(f"Error: {name} ")
        assert reason in line


def test_missing_checkpoint_is_a_sentence(run, tmp_path):
    with pytest.raises(UserError, match="missing.pth is not a file"):
        run("--checkpoint", "missing.pth", "good.png")
