"""The ink is found on any background, or there is a sentence that says why not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from samples import mnist_size
from sheets import to_bytes

from pipeline.framing import PEN_RANGE, normalize
from pipeline.pictures import read_digit
from pipeline.synthetic import generate_digits

pytestmark = mnist_size

DIGIT = to_bytes(generate_digits(4, 5)[0])[3]


def dim_at_its_end(digit):
    light = 240 - 150 * np.linspace(0, 1, 300) ** 3 + np.zeros((130, 1))
    large = np.asarray(Image.fromarray(digit).resize((112, 112)))
    light[9:121, 20:132] *= 1 - 0.7 * large / 255
    return Image.fromarray(light.astype(np.uint8))


def small_on_a_dim_photograph(digit):
    y, x = np.mgrid[-1:1:1500j, -1:1:2000j]
    photo = 235 - 20 * (x**2 + y**2) + np.random.default_rng(0).normal(0, 4, x.shape)
    large = Image.fromarray(digit).resize((126, 126), Image.Resampling.BICUBIC)
    photo[900:1026, 300:426] *= 1 - 0.75 * np.asarray(large) / 255
    return Image.fromarray(photo.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("make", [dim_at_its_end, small_on_a_dim_photograph])
def test_uneven_light_is_not_ink(make):
    expected = normalize(DIGIT / np.float32(255))
    assert (read_digit(make(DIGIT)) - expected).abs().mean() < 0.08


@pytest.mark.parametrize("side", [40, 80, 200, 330])
def test_digit_of_any_size_in_a_printed_box_is_read(side):
    sheet = Image.new("L", (500, 500), 235)
    ImageDraw.Draw(sheet).rectangle((60, 70, 430, 440), outline=30, width=4)
    large = Image.fromarray(DIGIT).resize((side, side), Image.Resampling.BICUBIC)
    sheet.paste(40, (80, 90), large)
    expected = normalize(DIGIT / np.float32(255))
    assert (read_digit(sheet) - expected).abs().mean() < 0.08


def test_digit_that_was_stretched_to_a_square_becomes_narrower():
    digit = Image.fromarray(DIGIT // 128 * 255)
    stretched = digit.crop(digit.getbbox()).resize((16, 16), Image.Resampling.NEAREST)
    for picture in (stretched, stretched.point(lambda value: 255 - value)):
        rows, columns = (read_digit(picture)[0, 0] > 0.3).nonzero().mT
        assert rows.max() - rows.min() == 19
        assert columns.max() - columns.min() == 15


def test_ink_may_cover_more_than_the_background():
    picture = Image.new("L", (100, 140), 235)
    ImageDraw.Draw(picture).ellipse((0, 0, 99, 139), fill=30, outline=30)
    ImageDraw.Draw(picture).ellipse((25, 35, 75, 105), fill=235)
    row = read_digit(picture)[0, 0, 14]
    assert row[14] < 0.5 < row.max()
    assert row[0] == 0


def test_thick_bar_that_fills_its_picture_is_read():
    bar = Image.new("L", (150, 300), 235)
    ImageDraw.Draw(bar).rectangle((60, 20, 90, 280), fill=30)
    soft = bar.filter(ImageFilter.GaussianBlur(8)).crop((50, 12, 100, 288))
    pixels = read_digit(soft)
    assert pixels[0, 0, 5:23, 12:16].mean() > 0.4
    assert pixels[0, 0, :, :9].max() == 0


@pytest.mark.parametrize("width", [4, 40])
def test_pen_width_comes_near_those_of_mnist(width):
    picture = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(picture).line((150, 50, 150, 250), 0, width)
    pen = read_digit(picture).sum() / 20
    assert PEN_RANGE[0] - 0.5 < pen < PEN_RANGE[1] + 0.5


def empty_box():
    sheet = Image.new("L", (400, 400), 240)
    ImageDraw.Draw(sheet).rectangle((60, 60, 340, 340), outline=20, width=4)
    return sheet


def grain():
    random = np.random.default_rng(0)
    return Image.fromarray(random.normal(200, 5, (300, 300)).astype(np.uint8))


def side_by_side():
    sheet = Image.new("L", (700, 400), 235)
    for left in (100, 400):
        sheet.paste(40, (left, 100), Image.fromarray(DIGIT).resize((200, 200)))
    return sheet


REFUSED = {
    "nothing drawn": [empty_box(), grain(), Image.new("L", (5, 5))],
    "several digits: crop one": [side_by_side()],
    "too small a digit": [Image.new("L", (2, 2), 255).crop((-13, -13, 15, 15))],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_picture_without_a_single_digit_is_refused(reason):
    for picture in REFUSED[reason]:
        with pytest.raises(ValueError, match=reason):
            read_digit(picture)
