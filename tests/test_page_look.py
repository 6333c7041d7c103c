"""What the page shows in a real browser: texts, sizes, colours and names of classes."""

import io

import pytest
from PIL import Image
from samples import save_network

import export
from model import SimpleCNN
from pipeline import checkpoint

UNSURE = [[(0, 2), (3, 0), (7, 2), (7, 5), (3, 6), (2, 3)], [(7, 4), (5, 9)]]

pytest_plugins = ["browser"]
pytestmark = pytest.mark.browser


def open_exported(page, folder, network, **metadata):
    """Load the page again, with an untrained network that has other classes."""
    loaded = checkpoint.load_checkpoint(
        SimpleCNN, save_network(folder, network, **metadata)
    )
    (folder / "model.js").write_text(export.to_javascript(loaded), "utf-8")
    page.reload()


def test_texts_for_an_empty_board_a_sure_and_an_unsure_answer(page, draw):
    assert page.title() == page.text_content("h1") == "Draw a digit, 0 to 9"
    assert page.is_visible("#hint")
    draw(1)
    assert not page.is_visible("#hint")
    assert page.text_content("#second") == ""
    colour = "getComputedStyle(guess).color"
    sure = page.evaluate(colour)
    page.evaluate("predictProbabilities = () => [0, .4, 0, 0, .59, .01, 0, 0, 0, 0]")
    draw(UNSURE)
    assert page.text_content("#answer p") == "4 or 1?"
    assert page.evaluate(colour) != sure


SIZES = [(320, 568), (568, 320), (500, 568), (640, 480), (768, 1024), (1350, 960)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_board_and_answer_are_visible_together(page, draw, width, height):
    draw(8)
    page.set_viewport_size({"width": width, "height": height})
    for part in ("#board", "#guess", "#seen"):
        box = page.locator(part).bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= width
        assert 0 <= box["y"] and box["y"] + box["height"] <= height
    assert page.locator("#board").bounding_box()["width"] > min(270, 0.55 * height)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_bars_and_ink_are_visible_in_forced_colours_and_on_paper(page, on_board):
    page.mouse.click(*on_board(0.5, 0.5))
    page.evaluate("predictProbabilities = () => [.59, .4, .01, 0, 0, 0, 0, 0, 0, 0]")
    page.evaluate("answer()")
    page.emulate_media(forced_colors="active", color_scheme="dark")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("L")
    ink, paper = (picture.getpixel(on_board(x, 0.5)) for x in (0.5, 0.1))
    assert abs(ink - paper) > 100
    bar = page.locator(".best div").bounding_box()
    xs = [bar["x"] + share * bar["width"] for share in (0.3, 0.8)]
    filled, rest = (picture.getpixel((x, bar["y"] + bar["height"] / 2)) for x in xs)
    assert abs(filled - rest) > 50
    page.emulate_media(forced_colors="none", media="print")
    for part in ("#seen", "li div"):
        style = f"getComputedStyle(find('{part}')).printColorAdjust"
        assert page.evaluate(style) == "exact"


def test_a_hundred_classes_with_any_names_fit_and_nothing_moves(page, draw, tmp_path):
    names = ["<b>one</b>", "a pomegranate" * 5, *map(str, range(98))]
    open_exported(page, tmp_path, SimpleCNN(100), classes=names)
    size = "[document.body.scrollHeight, document.documentElement.scrollWidth]"
    before = page.evaluate(size)
    page.evaluate("predictProbabilities = () => MODEL.classes.map((_, k) => k === 1)")
    draw(1)
    assert page.evaluate(size) == before == [before[0], 320]
    first_column = page.locator("li span:first-child")
    assert first_column.all_text_contents() == names
    assert first_column.first.bounding_box()["width"] > 60
    assert page.locator(".best span").all_text_contents() == [names[1], "100.0%"]
    assert page.text_content("#guess") == names[1]
    assert "100.0%" in page.get_attribute(".best", "style")
    assert page.locator("ol").bounding_box()["height"] < 400


def test_footer_describes_the_model_and_links_to_the_repository(
    page, tmp_path, monkeypatch
):
    assert "stays in this browser" in page.inner_text("footer")
    assert "reads 10.00% of the test images" in page.inner_text("footer")
    assert not page.is_visible("a")
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/digits")
    open_exported(page, tmp_path, SimpleCNN(2), classes=["even", "odd"])
    assert page.get_attribute("a", "href") == "https://github.com/someone/digits"
    assert page.is_visible("a")
    policy = page.get_attribute("meta[http-equiv]", "content")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
