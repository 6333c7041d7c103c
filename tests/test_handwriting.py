"""Test that UNIPEN and pictures of digits are read, and that correct answers are counted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from samples import mnist_size, save_network

from experiments import handwriting
from model import SimpleCNN
from pipeline.cli import UserError
from pipeline.data import DIGITS

pytestmark = mnist_size

COMPONENTS = """.COORD T Y X
.PEN_DOWN
0 900 100
9 100 100
.PEN_UP
9 50 50
.PEN_DOWN
.PEN_UP
.PEN_DOWN
20 900 600
30 900 100
"""
LABELS = """
.INCLUDE pens.dat
.SEGMENT CHARACTER 0 ? "1"
.SEGMENT CHARACTER 0-2 OK "7"
.SEGMENT CHARACTER 1 ? "4"
.SEGMENT CHARACTER 0,2 OK "7"
.SEGMENT WORD 0-2 OK "17"
"""


def read(folder, labels=LABELS, components=COMPONENTS):
    """Write texts as files of UNIPEN, and read their digits."""
    for path, text in {
        folder / "data" / "1a" / "abc" / "a1" / "labels.dat": labels,
        folder / "include" / "pens.dat": components,
    }.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return zip(*handwriting.read_unipen(folder), strict=True)


def test_strokes_of_unipen_are_drawn_as_on_the_page(tmp_path):
    sources, digits, (one, seven, nothing, also_seven) = read(tmp_path)
    assert sources == 4 * ("abc",)
    assert digits == (1, 7, 4, 7)
    assert nothing is None  # the pen was up
    assert torch.equal(seven, also_seven)
    rows, columns = (one[0, 0] > 0.5).nonzero().mT
    assert columns.max() - columns.min() < 4
    assert rows.max() - rows.min() > 17
    upper, lower = (half.any(dim=0).sum() for half in (seven[0, 0] > 0.5).split(14))
    assert upper > lower + 5  # the horizontal stroke is at the top


@pytest.mark.parametrize(
    ("old", "new"), [("0-2", "0-3"), ("0-2", ","), ("600", "nan"), ("600", "1 2")]
)
def test_damaged_file_is_named(old, new, tmp_path):
    with pytest.raises(UserError, match=r"labels\.dat or .* is not a UNIPEN file"):
        read(tmp_path, LABELS.replace(old, new), COMPONENTS.replace(old, new))


def test_pen_is_as_wide_as_on_the_page_and_has_round_ends():
    ink = handwriting.rasterize([np.array([[0, 0], [0, 5]])])
    assert ink.shape == (280, 280)
    assert 0.95 < ink[140].sum() / 20 < 1.05
    assert 0.95 < ink[:, 140].sum() / (0.7 * 280 + 20) < 1.05
    dot = handwriting.rasterize([np.array([[3, 4]])]).sum()
    assert 0.95 < dot / (np.pi * 10**2) < 1.05


def test_pictures_with_a_digit_are_counted(call, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ones = SimpleCNN()
    ones.linear4.weight.data.zero_()
    ones.linear4.bias.data = torch.eye(10)[1]  # this network answers 1 to every picture
    save_network(network=ones, dataset="synthetic", classes=DIGITS)
    with pytest.raises(UserError, match="has no UNIPEN files"):
        call(handwriting, ".")
    Path("a").mkdir()
    Path("b").mkdir()
    Path("b", "9_text.png").write_text("not a picture")
    picture = Image.new("L", (90, 90), 220)
    for name in ("b/8_blank.png", "b/x_blank.png"):
        picture.save(name)
    picture.paste(30, (40, 20, 50, 70))
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        picture.save(name)
    call(handwriting, ".")
    output = capsys.readouterr().out
    assert "| a | 2 | 50.0 % | 0 |" in output
    assert "| b | 3 | 33.3 % | 2 |" in output
    assert "| **all** | 5 | 40.0 % | 2 |" in output
