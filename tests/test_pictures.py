"""Pictures of any kind are brought to MNIST's form, or refused in one sentence."""

import io
import os
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from samples import mnist_size
from sheets import KINDS, SIZE, put_on_sheet, to_bytes

from pipeline import pictures
from pipeline.framing import normalize
from pipeline.pictures import open_picture, read_digit
from pipeline.synthetic import generate_digits

pytestmark = mnist_size

DIGITS = to_bytes(generate_digits(10, 5)[0])  # (10, 28, 28) uint8


def as_paper(digit, mode="L"):
    return put_on_sheet(digit, seed=0).convert(mode)


def as_canvas(digit):
    """Return black ink on a transparent background, as a browser saves a drawing."""
    clear = Image.new("RGBA", (28, 28))
    clear.putalpha(Image.fromarray(digit))
    return clear.resize((280, 280), Image.Resampling.BICUBIC)


def with_border_and_spot(digit):
    picture = as_paper(digit)
    width, height = picture.size
    ImageDraw.Draw(picture).rectangle(
        (0, 0, width - 1, height - 1), outline=30, width=8
    )
    ImageDraw.Draw(picture).rectangle((570, 100, 574, 104), fill=30)
    return picture


def as_16_bits(digit):
    """Return a picture with 16 bits per pixel, of which 12 are used, as cameras do."""
    return Image.fromarray(np.asarray(as_paper(digit)).astype(np.uint16) * 16)


MAKERS = [as_canvas, with_border_and_spot, as_16_bits]
MAKERS += [partial(as_paper, mode=mode) for mode in ("L", "P", "RGB", "CMYK", "LA")]
MAKERS += [partial(make, seed=2) for make in KINDS.values()]


@pytest.mark.parametrize("make", MAKERS)
def test_digit_comes_out_as_it_is(make):
    for digit in DIGITS[:4]:
        difference = read_digit(make(digit)) - normalize(digit / np.float32(255))
        assert difference.abs().mean() < 0.1  # a shift by one pixel makes about 0.05


def test_small_off_centre_digit_in_a_28_pixel_picture_is_centred():
    differences = []
    for digit in DIGITS:
        small = Image.fromarray(digit).crop((4, 4, 24, 24)).resize((14, 14))
        picture = Image.new("L", (28, 28))
        picture.paste(small, (12, 13))
        expected = normalize(np.asarray(small) / np.float32(255))
        differences.append((read_digit(picture) - expected).abs().mean())
    assert torch.stack(differences).mean() < 0.06


@pytest.mark.parametrize("mode", sorted({*Image.MODES} - {"La"}))  # no file has La
def test_picture_in_any_mode_is_read_or_refused_in_a_sentence(mode):
    random = np.random.default_rng(0)
    for size in [(1, 1), (1, 40), (28, 28), (60, 45), (300, 20)]:
        n = len(Image.new(mode, size).tobytes())
        noise = random.integers(0, 256, n, np.uint8)
        spot = np.where(np.arange(n) // (n // 6 + 1) == 2, noise[0], noise[-1])
        for values in (noise, spot):
            try:
                pixels = read_digit(Image.frombytes(mode, size, values.tobytes()))
            except ValueError as error:
                assert str(error).startswith(("has ", "is ", "seems "))
            else:
                assert pixels.shape == (1, 1, 28, 28)
                assert 0 <= pixels.min() <= pixels.max() <= 1


def test_file_that_is_no_picture_is_refused_in_a_sentence(tmp_path, monkeypatch):
    # Pillow refuses pictures with more than twice this many pixels.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    Image.new("L", (200, 200)).save(tmp_path / "large.png")
    small = io.BytesIO()
    as_paper(DIGITS[3]).resize((90, 90)).save(small, "PNG")
    (tmp_path / "cut.png").write_bytes(small.getvalue()[:-60])
    (tmp_path / "text.png").write_text("hello")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"
    (tmp_path / "postscript.jpg").write_bytes(postscript)
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match="cannot be read: it is damaged"):
            open_picture(path)
    if hasattr(os, "mkfifo"):  # not on Windows
        os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing.png", tmp_path / "pipe"):
        with pytest.raises(ValueError, match="is not a file"):
            open_picture(path)


def test_picture_is_turned_as_its_exif_data_says_and_broken_data_is_ignored(tmp_path):
    picture = as_paper(DIGITS[3])
    picture.save(tmp_path / "broken.png", exif=b"Exif\0\0garbage")
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns it by 90 degrees
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "turned.png", exif=exif)
    for name in ("broken.png", "turned.png"):
        opened = open_picture(tmp_path / name)
        assert torch.equal(read_digit(opened), read_digit(picture))


@pytest.mark.parametrize("blur", [0, 50])
@pytest.mark.parametrize("lit", [150, 250, 400])
def test_edge_of_a_shadow_is_not_the_edge_of_a_sheet(lit, blur):
    light = Image.new("RGB", SIZE, (150, 150, 150))
    light.paste((255, 255, 255), (0, 0, lit, SIZE[1]))
    light = light.filter(ImageFilter.GaussianBlur(blur))
    picture = ImageChops.multiply(put_on_sheet(DIGITS[3], seed=0), light)
    channels = pictures.read_channels(picture)
    assert pictures.cut_out_sheet(channels) is channels
