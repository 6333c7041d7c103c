"""Real pens and named pictures are read from their folders, and the right ones counted."""

import sys

import numpy as np
import torch
from PIL import Image

from experiments import hands
from model import SimpleCNN
from pipeline import checkpoint
from pipeline.data import DIGITS
from pipeline.strokes import draw_digits

PENS = """
.COORD T Y X
.PEN_DOWN
0 900 100
9 100 100
.PEN_UP
9 50 50
.DT 30
.PEN_DOWN
.PEN_UP
.PEN_DOWN
20 900 600
30 900 100
"""
LABELS = """
.INCLUDE abc/info.doc
.INCLUDE abc/data/pens.dat
.SEGMENT CHARACTER 0 ? "1"
.SEGMENT CHARACTER 0-2 OK "7"
.SEGMENT CHARACTER 1 ? "4"
.SEGMENT CHARACTER 0,2 OK "7"
.SEGMENT WORD 0-2 OK "17"
"""


def test_pens_of_unipen_are_drawn_as_on_the_page(tmp_path):
    for name in ("data/1a/abc/a1", "include/abc/data"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data/1a/abc/a1/labels.dat").write_text(LABELS)
    (tmp_path / "include/abc/info.doc").write_text(".VERSION 1.0\n")
    (tmp_path / "include/abc/data/pens.dat").write_text(PENS)
    digits = list(hands.read_unipen(tmp_path))
    assert [(source, digit) for source, digit, _ in digits] == [
        ("abc", 1),
        ("abc", 7),
        ("abc", 4),
        ("abc", 7),
    ]
    one, seven, nothing, also_seven = (pixels for *_, pixels in digits)
    assert nothing is None  # the pen was up
    assert torch.equal(seven, also_seven)
    rows, columns = (one[0, 0] > 0.5).nonzero().mT
    assert columns.max() - columns.min() < 4
    assert rows.max() - rows.min() > 17
    upper, lower = (half.any(dim=0).sum() for half in (seven[0, 0] > 0.5).split(14))
    assert upper > lower + 5  # a stem, and an arm from its upper end


def test_pen_is_a_fourteenth_of_the_canvas_and_rounded():
    ink = hands.draw_pen([np.array([[0, 0], [0, 5]])])
    assert ink.shape == (280, 280)
    assert 0.95 < ink[140].sum() / 20 < 1.05
    assert 0.95 < ink[:, 140].sum() / (0.7 * 280 + 20) < 1.05
    dot = hands.draw_pen([np.array([[3, 4]])]).sum()
    assert 0.95 < dot / (np.pi * 10**2) < 1.05


def test_table_counts_every_picture_with_a_digit(tmp_path, monkeypatch, capsys):
    images, labels = draw_digits(30, 3)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / ("first" if i < 20 else "second")
        folder.mkdir(exist_ok=True)
        picture = Image.fromarray((255 * image[0]).byte().numpy())
        picture.save(folder / f"{label}_{i}.png")
    Image.new("L", (90, 90), 220).save(tmp_path / "second/8_blank.png")
    Image.new("L", (90, 90)).save(tmp_path / "second/x_blank.png")
    (tmp_path / "second/9_text.png").write_text("not a picture")
    monkeypatch.chdir(tmp_path)
    model = SimpleCNN()
    model[-1].weight.data.zero_()
    model[-1].bias.data = torch.eye(10)[labels[0]]  # guesses the first digit always
    checkpoint.save_checkpoint(
        model, {"dataset": "strokes", "classes": DIGITS, "test_accuracy": 10.0}
    )
    monkeypatch.setattr(sys, "argv", ["hands", "."])
    hands.main()
    right = (labels[:20] == labels[0]).sum(), (labels[20:] == labels[0]).sum()
    out = capsys.readouterr().out
    assert f"| first | 20 | {right[0] / 20:.1%}".replace("%", " % | 0 |") in out
    assert f"| second | 12 | {right[1] / 12:.1%}".replace("%", " % | 2 |") in out
    assert f"| **all** | 32 | {sum(right) / 32:.1%}".replace("%", " % | 2 |") in out
