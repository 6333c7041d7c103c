"""Pictures of any kind are brought to MNIST's form, or refused in one sentence."""

import io
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from experiments.photos import KINDS, to_bytes
from pipeline import pictures, synthetic
from pipeline.cli import UserError
from pipeline.framing import frame
from pipeline.pictures import open_picture, prepare

DIGITS = to_bytes(synthetic.generate_digits(10, 5)[0])  # (10, 28, 28) uint8


def as_paper(digit, mode="L"):
    """Dark grey on light grey, somewhere on a sheet."""
    sheet = np.full((400, 300), 230, np.uint8)
    enlarged = Image.fromarray(digit).resize((168, 168), Image.Resampling.BICUBIC)
    sheet[150:318, 60:228] -= (np.asarray(enlarged) * 0.7).astype(np.uint8)
    return Image.fromarray(sheet).convert(mode)


def as_canvas(digit):
    """Black on a clear ground, as a browser saves a drawing."""
    clear = Image.new("RGBA", (28, 28))
    clear.putalpha(Image.fromarray(digit))
    return clear.resize((280, 280), Image.Resampling.BICUBIC)


def with_border(digit):
    picture = as_paper(digit)
    ImageDraw.Draw(picture).rectangle((0, 0, 299, 399), outline=30, width=8)
    ImageDraw.Draw(picture).rectangle((270, 100, 274, 104), fill=30)  # and a speck
    return picture


def sixteen_bits(digit):
    return Image.fromarray(np.asarray(as_paper(digit)).astype(np.uint16) * 200)


def turned_by_its_camera(digit):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    file = io.BytesIO()
    turned = as_paper(digit).transpose(Image.Transpose.ROTATE_90)
    turned.save(file, "JPEG", exif=exif)
    return Image.open(file)


MAKERS = [as_canvas, as_paper, with_border, sixteen_bits, turned_by_its_camera]
MAKERS += [partial(as_paper, mode=mode) for mode in ("P", "RGB", "CMYK", "LA")]
MAKERS += [partial(make, seed=0) for name, make in KINDS.items() if "thick" not in name]


@pytest.mark.parametrize("make", MAKERS)
def test_digit_comes_out_as_it_is(make):
    for digit in DIGITS[:4]:
        pixels = prepare(make(digit))
        expected = frame(digit / np.float32(255))
        assert (pixels - expected).abs().mean() < 0.08  # half of it for a pixel's shift


def test_small_digit_aside_on_a_picture_as_small_as_mnists_is_framed():
    differences = []
    for digit in DIGITS:
        small = Image.fromarray(digit).crop((4, 4, 24, 24)).resize((14, 14))
        picture = Image.new("L", (28, 28))
        picture.paste(small, (12, 13))
        expected = frame(np.asarray(small) / np.float32(255))
        differences.append((prepare(picture) - expected).abs().mean())
    assert torch.stack(differences).mean() < 0.06


@pytest.mark.parametrize("mode", Image.MODES)
def test_any_picture_is_prepared_or_refused_in_a_sentence(mode):
    random = np.random.default_rng(0)
    for size in [(1, 1), (1, 40), (7, 9), (28, 28), (60, 45), (300, 20)]:
        n = len(Image.new(mode, size).tobytes())
        plain = np.full(n, random.integers(256), np.uint8)
        spot = np.where(np.arange(n) // (n // 6 + 1) == 2, random.integers(256), plain)
        for values in (plain, spot, random.integers(0, 256, n)):
            content = values.astype(np.uint8).tobytes()
            try:
                pixels = prepare(Image.frombytes(mode, size, content))
            except ValueError as error:
                assert str(error).startswith(("has ", "is ", "seems "))
            else:
                assert pixels.shape == (1, 1, 28, 28)
                assert 0 <= pixels.min() <= pixels.max() <= 1


def test_broken_exif_is_ignored(tmp_path):
    picture = as_paper(DIGITS[3])
    picture.save(tmp_path / "a.png", exif=b"Exif\0\0garbage")
    opened = open_picture(tmp_path / "a.png")
    assert torch.equal(prepare(opened), prepare(picture))


def test_folder_of_pictures_by_class_is_loaded_or_refused_by_name(tmp_path):
    for name, digit in {"one": DIGITS[1], "two": DIGITS[2]}.items():
        (tmp_path / name).mkdir()
        Image.fromarray(digit).save(tmp_path / name / "a.png")
    images, labels = pictures.load_folder(tmp_path, ["two", "one"])
    for image, label in zip(images, labels, strict=True):
        digit = Image.fromarray(DIGITS[[2, 1][label]])
        assert torch.equal(image, prepare(digit)[0])
    with pytest.raises(UserError, match="holds one, two, not those of one"):
        pictures.load_folder(tmp_path, ["one"])
    Image.new("L", (99, 99)).save(tmp_path / "two" / "b.png")
    with pytest.raises(UserError, match=r"b.png has nothing drawn"):
        pictures.load_folder(tmp_path, ["one", "two"])
    (tmp_path / "three").mkdir()  # without a picture
    with pytest.raises(OSError, match="no valid file for the classes three"):
        pictures.load_folder(tmp_path, ["one", "three", "two"])
