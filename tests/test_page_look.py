"""What the page shows in a real browser: texts, sizes, colours and names of classes."""

import io
import re
import zlib

import pytest
from PIL import Image
from samples import save_network

import export
from model import SimpleCNN
from pipeline import checkpoint

pytest_plugins = ["browser"]
pytestmark = pytest.mark.browser


def open_exported(page, folder, network, **metadata):
    """Load the page again, with an untrained network that has other classes."""
    path = save_network(folder, network, **metadata)
    text = export.to_javascript(checkpoint.load_checkpoint(SimpleCNN, path))
    (folder / "model.js").write_text(text, "utf-8")
    page.reload()


def test_texts_for_an_empty_board_a_sure_and_an_unsure_answer(page, draw):
    assert page.title() == page.text_content("h1") == "Draw a digit, 0 to 9"
    assert page.is_visible("#hint") and not page.is_visible("#guess")
    draw(1)
    assert page.is_visible("#guess") and not page.is_visible("#hint")
    assert page.text_content("#answer p") == "1 "
    colour = "getComputedStyle(guess).color"
    sure = page.evaluate(colour)
    page.evaluate("predictProbabilities = () => [0, .4, 0, 0, .59, .01, 0, 0, 0, 0]")
    draw(1)
    assert page.text_content("#answer p") == "4 or 1?"
    assert page.evaluate(colour) != sure
    page.click("#clear")
    assert page.is_visible("#hint") and not page.is_visible("#guess")


def test_board_and_answer_are_visible_together(page, draw):
    draw(8)
    for width, height in [(320, 568), (568, 320), (500, 568), (1350, 960)]:
        page.set_viewport_size({"width": width, "height": height})
        for part in ("#seen", "#guess", "#board"):
            box = page.locator(part).bounding_box()
            assert 0 <= box["x"] and box["x"] + box["width"] <= width
            assert 0 <= box["y"] and box["y"] + box["height"] <= height
        assert box["width"] > 0.55 * min(width, height)  # of the board
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_bars_and_ink_are_visible_in_forced_colours_and_on_paper(page, draw):
    page.evaluate("predictProbabilities = () => [.6, .39, .01, 0, 0, 0, 0, 0, 0, 0]")
    draw([[(0, 5), (4, 5)]])  # in the left half of the board
    page.emulate_media(forced_colors="active", color_scheme="dark")
    for part in ("#board", ".best progress"):  # the marks end between 0.3 and 0.8
        picture = Image.open(io.BytesIO(page.locator(part).screenshot())).convert("L")
        x, y = picture.width, picture.height / 2
        assert abs(picture.getpixel((0.3 * x, y)) - picture.getpixel((0.8 * x, y))) > 50
    page.emulate_media(forced_colors="none", color_scheme="light")
    parts = re.findall(rb"stream\r?\n(.*?)endstream", page.pdf(), re.DOTALL)
    drawn = b"".join(zlib.decompress(p) for p in parts if p.startswith(b"x"))
    assert drawn.count(b".7059 .2706 .1216 rg") >= 2  # the colour of guess and bar


def test_a_hundred_classes_with_any_names_fit_and_nothing_moves(page, draw, tmp_path):
    names = ["<b>one</b>", "pomegranate" * 5, *map(str, range(98))]
    open_exported(page, tmp_path, SimpleCNN(100), classes=names)
    size = "[document.body.scrollHeight, document.documentElement.scrollWidth]"
    before = page.evaluate(size)
    page.evaluate("predictProbabilities = () => MODEL.classes.map((_, k) => k === 1)")
    draw(1)
    assert page.evaluate(size) == before == [before[0], 320]
    assert page.locator("li span:first-child").all_text_contents() == names
    assert page.locator("li").nth(0).inner_text().split() == ["<b>one</b>", "0.0%"]
    assert page.locator(".best span").all_text_contents() == [names[1], "100.0%"]
    assert page.text_content("#guess") == names[1]


def test_footer_describes_the_model_and_links_home(page, tmp_path, monkeypatch):
    assert "stays in this browser" in page.inner_text("footer")
    policy = page.get_attribute("meta[http-equiv]", "content")
    assert policy.startswith("default-src 'none'") and "require-trusted" in policy
    assert "reads 10.00% of the test images" in page.inner_text("footer")
    assert not page.is_visible("a")
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/digits")
    open_exported(page, tmp_path, SimpleCNN(2), classes=["even", "odd"])
    assert page.get_attribute("a", "href") == "https://github.com/someone/digits"
    assert page.is_visible("a")
