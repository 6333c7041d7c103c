"""What the page shows in a real browser: texts, sizes, colours and names of classes."""

import io

import pytest
from PIL import Image
from samples import save_network

import export
from model import SimpleCNN
from pipeline import checkpoint

pytest_plugins = ["browser"]
pytestmark = pytest.mark.browser


def test_texts_for_an_empty_board_a_sure_and_an_unsure_answer(page, draw):
    assert page.title() == page.text_content("h1") == "Draw a digit, 0 to 9"
    assert page.is_visible("#hint") and not page.is_visible("#guess")
    page.evaluate("beginStroke([9, 9])")
    assert not page.is_visible("#hint") and not page.is_visible("#guess")
    draw(1)
    assert page.is_visible("#guess")
    assert page.text_content("#answer p") == "1 "
    sure = page.evaluate("getComputedStyle(guess).color")
    page.evaluate("predictProbabilities = () => [0, .4, 0, 0, .59, .01, 0, 0, 0, 0]")
    draw(1)
    assert page.text_content("#answer p") == "4 or 1?"
    assert page.evaluate("getComputedStyle(guess).color") != sure


@pytest.mark.parametrize("size", [(320, 568), (568, 320), (500, 568), (1350, 960)])
def test_board_and_answer_are_visible_together(page, draw, size):
    draw(8)
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    for part in ("#seen", "#guess", "#board"):
        box = page.locator(part).bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= width
        assert 0 <= box["y"] and box["y"] + box["height"] <= height
    assert box["width"] > 0.55 * min(width, height)  # of the board
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("part", ["#board", ".best progress"])
def test_ink_and_bars_are_visible_in_forced_colours(page, draw, part):
    page.evaluate("predictProbabilities = () => [.6, .39, .01, 0, 0, 0, 0, 0, 0, 0]")
    draw(1)
    page.emulate_media(forced_colors="active", color_scheme="dark")
    picture = Image.open(io.BytesIO(page.locator(part).screenshot())).convert("L")
    x, y = picture.width, picture.height // 2
    marked, unmarked = (picture.getpixel((share * x, y)) for share in (0.36, 0.8))
    assert abs(marked - unmarked) > 50


def test_other_classes_fit_and_nothing_moves(page, draw, tmp_path, monkeypatch):
    assert not page.is_visible("a")
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/digits")
    names = ["<b>one</b>", "pomegranate" * 5, *map(str, range(98))]
    path = save_network(tmp_path, SimpleCNN(100), classes=names)
    text = export.to_javascript(checkpoint.load_checkpoint(SimpleCNN, path))
    (tmp_path / "model.js").write_text(text, "utf-8")
    page.reload()
    assert page.title() == page.text_content("h1") == "Draw one of: " + ", ".join(names)
    assert page.locator("h1").bounding_box()["height"] < 60  # two lines
    assert "reads 10.00% of the test images" in page.inner_text("footer")
    link = page.get_attribute("a:visible", "href")
    assert link == "https://github.com/someone/digits"
    size = "[document.body.scrollHeight, document.documentElement.scrollWidth]"
    before = page.evaluate(size)
    page.evaluate("predictProbabilities = () => MODEL.classes.map((_, k) => k === 1)")
    draw(1)
    assert page.evaluate(size) == before == [before[0], 320]
    assert page.locator("li span:first-child").all_text_contents() == names
    assert page.locator(".best span").all_text_contents() == [names[1], "100.0%"]
    assert page.text_content("#guess") == names[1]
