"""The ink is found on any background, or there is a sentence that says why not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from samples import mnist_size
from sheets import cross_out, put_on_sheet, to_bytes

from pipeline.framing import PEN_RANGE, normalize
from pipeline.pictures import read_digit
from pipeline.synthetic import generate_digits

pytestmark = mnist_size

DIGIT = to_bytes(generate_digits(10, 5)[0])[4]
EXPECTED = normalize(DIGIT / np.float32(255))


def blank(width, height):
    picture = Image.new("L", (width, height), 235)
    return picture, ImageDraw.Draw(picture)


def enlarge(side):
    return Image.fromarray(DIGIT).resize((side, side), Image.Resampling.BICUBIC)


def test_uneven_light_is_not_ink():
    light = 240 - 150 * np.linspace(0, 1, 300) ** 3 + np.zeros((130, 1))
    light[9:121, 120:232] *= 1 - 0.7 * np.asarray(enlarge(112)) / 255
    pixels = read_digit(Image.fromarray(light.astype(np.uint8)))
    assert (pixels - EXPECTED).abs().mean() < 0.08


@pytest.mark.parametrize("side", [40, 330])
def test_digit_of_any_size_in_a_printed_box_is_read(side):
    sheet, pen = blank(500, 500)
    pen.rectangle((60, 70, 430, 440), outline=30, width=4)
    sheet.paste(40, (80, 90), enlarge(side))
    assert (read_digit(sheet) - EXPECTED).abs().mean() < 0.08


def test_digit_that_was_stretched_to_a_square_becomes_narrower():
    digit = Image.fromarray(DIGIT // 128 * 255)
    stretched = digit.crop(digit.getbbox()).resize((16, 16), Image.Resampling.NEAREST)
    for picture in (stretched, stretched.point(lambda value: 255 - value)):
        rows, columns = (read_digit(picture)[0, 0] > 0.3).nonzero().mT
        assert rows.max() - rows.min() == 19
        assert columns.max() - columns.min() == 15


def test_ink_may_cover_more_than_the_background():
    picture, pen = blank(100, 140)
    pen.ellipse((0, 0, 99, 139), fill=30)
    pen.ellipse((25, 35, 75, 105), fill=235)
    row = read_digit(picture)[0, 0, 14]
    assert row[14] < 0.5 < row.max()
    assert row[0] == 0


@pytest.mark.parametrize("width", [4, 40])
def test_pen_width_comes_near_that_of_mnist(width):
    picture, pen = blank(300, 300)
    pen.line((150, 50, 150, 250), 30, width)
    measured = read_digit(picture).sum() / 20
    assert PEN_RANGE[0] - 0.5 < measured < PEN_RANGE[1] + 0.5


def empty_box():
    sheet, pen = blank(400, 400)
    pen.rectangle((60, 60, 340, 340), outline=20, width=4)
    return sheet


def grain():
    random = np.random.default_rng(0)
    return Image.fromarray(random.normal(200, 5, (300, 300)).astype(np.uint8))


def two_digits(distance):
    sheet, _ = blank(700, 400)
    for left in (100, 100 + distance):
        sheet.paste(40, (left, 100), enlarge(200))
    return sheet


REFUSED = {
    "nothing drawn": [empty_box(), grain(), blank(300, 200)[0]],
    "show several digits": [two_digits(distance=300)],
    "several digits": [
        two_digits(distance=130),
        put_on_sheet(DIGIT, seed=0, mark=cross_out),
    ],
    "too small": [Image.new("L", (2, 2), 255).crop((-13, -13, 15, 15))],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_picture_without_a_single_digit_is_refused(reason):
    for picture in REFUSED[reason]:
        with pytest.raises(ValueError, match=reason):
            read_digit(picture)
