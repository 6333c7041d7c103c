"""Drawings keep all their ink, and errors name what is wrong in a folder."""

import unicodedata

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from samples import mnist_size
from scipy import ndimage

from pipeline.cli import UserError
from pipeline.folder import load_folder, read_drawing

pytestmark = mnist_size

FACE, EYES = (40, 40, 200, 200), [(85, 85, 105, 105), (135, 85, 155, 105)]


def draw(filled=(), outlined=()):
    """Draw dark ellipses on light paper that is darker at one side."""
    picture = Image.linear_gradient("L").resize((300, 240))
    picture = picture.point(lambda v: 190 + v // 8)
    pen = ImageDraw.Draw(picture)
    for ellipse in filled:
        pen.ellipse(ellipse, fill=30)
    for ellipse in outlined:
        pen.ellipse(ellipse, outline=30, width=3)
    return picture


def test_filled_shape_is_not_made_thinner():
    area = (read_drawing(draw([FACE])) > 0.5).sum().item()
    assert area == pytest.approx(np.pi / 4 * 20**2, rel=0.05)


def test_thin_lines_and_small_parts_are_kept():
    pixels = read_drawing(draw(EYES, [FACE]))[0, 0].numpy() > 0.5
    assert ndimage.label(pixels, np.ones((3, 3)))[1] == 3
    assert all(np.ptp(places) == 19 for places in np.nonzero(pixels))


def test_drawing_is_the_same_on_a_dark_background():
    picture = draw([FACE])
    difference = read_drawing(ImageOps.invert(picture)) - read_drawing(picture)
    assert difference.abs().mean() < 0.01


@pytest.fixture
def folder(tmp_path):
    """Return a folder of the classes o and ü; the name of ü has two characters."""
    for name in ("o", unicodedata.normalize("NFD", "ü"), ".cache"):
        (tmp_path / name).mkdir()
        for i in range(2):
            draw([FACE], EYES).save(tmp_path / name / f"{i}.JFIF", "JPEG")
    return tmp_path


def test_pictures_are_loaded_in_the_order_of_the_classes(folder, capsys):
    (folder / "o" / "photo.HEIC").touch()
    (folder / "o" / ".DS_Store").touch()
    images, labels = load_folder(folder, ["ü", "o"])
    assert images.shape == (4, 1, 28, 28)
    assert labels.tolist() == [0, 0, 1, 1]
    assert ": 1, such as " in capsys.readouterr().out


def test_other_and_empty_classes_are_named(folder):
    (folder / "empty").mkdir()
    problem = rf"{folder.name} has other .*missing: cross; unknown: empty, o\)"
    with pytest.raises(UserError, match=problem):
        load_folder(folder, ["ü", "cross"])
    with pytest.raises(UserError, match="empty holds no pictures"):
        load_folder(folder, ["empty", "o", "ü"])
    with pytest.raises(UserError, match="not a folder"):
        load_folder(folder / "train", ["o"])


def test_first_ten_bad_pictures_are_listed(folder):
    for i in range(12):
        (folder / "o" / f"bad_{i:02}.png").touch()
    draw().save(folder / "o" / "bad_00.png")
    listed = r"bad_00.png has no drawing(.|\n)*bad_09.png cannot be read.*$"
    with pytest.raises(UserError, match=f"cannot be used .12.*\n.*{listed}"):
        load_folder(folder, ["o", "ü"])
