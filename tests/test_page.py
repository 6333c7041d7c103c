"""The page in a real browser, compared with torch and with pipeline/pictures.py."""

import base64
import io

import pytest
import torch
from PIL import Image
from samples import save_network

import export
from model import SimpleCNN
from pipeline import checkpoint, data, evaluation
from pipeline.pictures import read_digit

INKED = "([x, y]) => paper.getImageData(x * SIDE, y * SIDE, 1, 1).data[3] > 0"
LENGTHS = "strokes.map(stroke => stroke.length)"  # the points of each stroke
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


def test_probabilities_equal_those_of_torch(page, trained):
    images = data.load_synthetic(train=False)[0][:200]
    pixels = images.flatten(1).tolist()
    answers = page.evaluate("all => all.map(p => predictProbabilities(p))", pixels)
    expected = evaluation.predict_probabilities(trained.model, images)
    torch.testing.assert_close(torch.tensor(answers), expected, atol=1e-4, rtol=0)


def test_pixels_are_close_to_those_of_a_picture_of_the_drawing(page, draw):
    for digit in range(10):
        draw(digit)
        assert page.text_content("#guess") == str(digit)
        drawing = page.evaluate("paper.canvas.toDataURL()").partition(",")[2]
        picture = read_digit(Image.open(io.BytesIO(base64.b64decode(drawing))))
        pixels = torch.tensor(page.evaluate("normalize(strokes, PEN_WIDTH)"))
        assert (pixels - picture.flatten()).abs().mean() < 0.02
        shown = page.evaluate("[...seen.getImageData(0, 0, 28, 28).data]")
        shown = torch.tensor(shown).view(-1, 4) / 255
        assert (shown - pixels.unsqueeze(1))[:, :3].abs().max() < 0.003
        assert shown[:, 3].eq(1).all()
    dash = "sum(normalize([[[0, 0], [0, 60]]], 40)) / DIGIT_SIDE"
    assert page.evaluate(dash) == pytest.approx(2.8, abs=0.1)  # pixels wide, not 8
    dot = "sum(normalize([[[5, 5], [5.01, 5]]], 40))"
    assert page.evaluate(dot) < 10  # pixels: it does not become a line


def test_page_answers_without_reading_a_canvas(page, draw):
    page.add_init_script(
        "CanvasRenderingContext2D.prototype.getImageData = () => { throw 0; }"
    )
    page.reload()
    draw(1)
    assert page.text_content("#guess") == "1"


def test_points_that_are_close_together_are_left_out_of_the_answer(page):
    scribble = """Array.from({ length: 20000 }, (_, i) =>
        [560 + i / 40 * Math.cos(i / 40), 560 + i / 40 * Math.sin(i / 40)])"""
    lines = """calls = 0; const add = addLine;
        addLine = (...values) => { calls++; add(...values); }; calls"""
    page.evaluate(lines)
    page.evaluate(f"normalize([{scribble}], PEN_WIDTH)")
    assert 1000 < page.evaluate("calls") < 20_000 / 3


def test_only_the_first_finger_and_the_left_button_draw(page, on_board, touch):
    page.mouse.click(*on_board(0.1, 0.2), button="right")
    page.mouse.click(*on_board(0.6, 0.5))
    touch("touchStart", 1, 0.3, 0.2)
    touch("touchStart", 2, 0.8, 0.8)
    touch("touchMove", 2, 0.8, 0.9)
    touch("touchEnd", 2, 0.8, 0.9)
    touch("touchMove", 1, 0.3, 1.2)  # below the board
    touch("touchEnd", 1, 0.3, 1.2)
    assert page.evaluate("Math.max(...strokes.flat(2)) === SIDE")
    for place in ((0.3, 0.2), (0.3, 0.5), (0.3, 0.7), (0.6, 0.5)):
        assert page.evaluate(INKED, place)
    for place in ((0.1, 0.2), (0.8, 0.8), (0.8, 0.9), (0.45, 0.6)):
        assert not page.evaluate(INKED, place)
    page.click("#clear")
    assert not page.evaluate(INKED, (0.3, 0.5))


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    page.mouse.up()


def test_selected_text_does_not_stop_a_stroke(page, on_board):
    title = page.locator("h1").bounding_box()
    drag(page, (title["x"] + 40, title["y"] + 10), on_board(0.5, 0.9))
    assert page.evaluate("String(getSelection())") == ""
    assert page.evaluate("strokes") == []
    page.evaluate("document.body.style.userSelect = 'text'")
    page.evaluate("find('main').style.userSelect = 'text'")
    page.keyboard.press("Control+a")
    assert "Draw a digit" in page.evaluate("String(getSelection())")
    drag(page, on_board(0.3, 0.2), on_board(0.3, 0.8))
    assert page.evaluate(INKED, (0.3, 0.78))
    assert page.evaluate(LENGTHS) == [10]


def test_move_without_coalesced_events_draws(page, on_board):
    page.evaluate("PointerEvent.prototype.getCoalescedEvents = () => []")
    drag(page, on_board(0.3, 0.2), on_board(0.3, 0.8))
    assert page.evaluate(LENGTHS) == [10]


def test_undo_takes_back_strokes_and_a_clear(page, draw):
    draw(4)
    first, second = page.evaluate(LENGTHS)
    page.click("#clear")
    assert page.evaluate(LENGTHS) == []
    page.keyboard.press("Control+z")
    assert page.evaluate(LENGTHS) == [first, second]
    assert page.evaluate(INKED, (0.4, 0.55))
    page.click("#undo")
    assert page.evaluate(LENGTHS) == [first]
    page.click("#undo")
    page.click("#undo")
    page.click("#undo")
    assert page.evaluate(LENGTHS) == []


def test_stroke_of_many_points_has_no_gap_when_it_is_drawn_again(page, draw):
    page.evaluate("left = [SIDE / 5, SIDE / 5]; beginStroke(left)")
    for count in (98, 100):  # the next point then begins another path, or ends one
        page.evaluate(f"for (let i = 0; i < {count}; i++) addPoint(left)")
        page.evaluate("addPoint([SIDE * 0.8, strokes[0].length * 5]); show(strokes)")
    for y in page.evaluate("[100, 201].map(i => strokes[0][i][1] / SIDE)"):
        assert page.evaluate(INKED, (0.5, (0.2 + y) / 2))


def test_keyboard_draws_and_the_page_answers_after_a_pause(page):
    page.clock.pause_at("2100-01-01")
    page.reload()  # a timer from before would announce that nothing is drawn
    page.evaluate("addEventListener('keydown', e => { handled = e.defaultPrevented; })")
    page.locator("#board").press(" ")
    assert page.text_content("#live") == "Pen down"
    assert page.is_visible("#pen")
    for _ in range(12):
        page.clock.run_for(90)  # milliseconds
        page.keyboard.press("ArrowDown")
    for keys in ("Alt+c", "Control+c", "Alt+ArrowLeft", "Control+ArrowDown", "Alt+ "):
        page.keyboard.press(keys)
        assert page.evaluate("[handled, strokes[0].length, penIsDown]") == [
            False,
            14,
            True,
        ]
    assert page.text_content("#guess") == "?"
    page.clock.run_for(110)
    assert page.text_content("#guess") == "1"
    page.clock.run_for(600)
    assert page.text_content("#live").startswith("1, ")
    page.keyboard.press("Tab")
    assert page.text_content("#live") == "Pen up"
    page.keyboard.press("c")
    assert page.evaluate(LENGTHS) == [14]  # C clears only while the board has the focus
    page.locator("#board").press("c")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("[handled, strokes.length]") == [True, 0]


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


SIZES = [(320, 568), (568, 320), (390, 844), (844, 390), (768, 1024), (1350, 960)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_board_and_answer_are_visible_together(page, draw, width, height):
    draw(8)
    page.set_viewport_size({"width": width, "height": height})
    for part in ("#board", "#guess", "#seen", "#undo"):
        box = page.locator(part).bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= width
        assert 0 <= box["y"] and box["y"] + box["height"] <= height
    assert page.locator("#board").bounding_box()["width"] > min(270, 0.55 * height)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_bars_and_ink_are_visible_in_forced_colours_and_on_paper(page, draw):
    draw(1)
    page.emulate_media(forced_colors="active", color_scheme="dark")
    for part in (".best div", "#board canvas"):
        image = Image.open(io.BytesIO(page.locator(part).screenshot())).convert("L")
        darkest, brightest = image.getextrema()
        assert brightest - darkest > 100
    page.emulate_media(forced_colors="none", media="print")
    for part in ("#seen", "li div"):
        style = f"getComputedStyle(find('{part}')).printColorAdjust"
        assert page.evaluate(style) == "exact"


def test_a_hundred_classes_with_any_names_fit_and_nothing_moves(page, draw, tmp_path):
    names = ["<b>one</b>", "pomegranates", *map(str, range(98))]
    open_exported(page, tmp_path, SimpleCNN(100), classes=names)
    size = "[document.body.scrollHeight, document.documentElement.scrollWidth]"
    before = page.evaluate(size)
    draw(1)
    assert page.evaluate(size) == before == [before[0], 320]
    assert page.locator("li span:first-child").all_text_contents() == names
    name, percent = page.locator(".best span").all_text_contents()
    assert page.text_content("#guess") == name
    assert percent in page.get_attribute(".best", "style")
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


def assert_only_the_error_is_shown(page):
    first, second = page.inner_text("#error").split("\n\n")
    assert "reload the page" in first
    assert "python export.py" in second
    assert not page.is_visible("main")


DAMAGE = [
    ("const", "("),  # not JavaScript: as if the file were missing
    ('"Linear"', '"Softplus"'),
    ('"values":[', '"values":[],"x":['),
    ('"values":[', '"values":[1'),  # another weight
    ('"classes":["0",', '"classes":['),
    ('"test_images":[', '"test_images":[],"x":['),
]


@pytest.mark.parametrize(("old", "new"), DAMAGE)
def test_damaged_network_is_not_shown(page, tmp_path, old, new):
    text = (tmp_path / "model.js").read_text("utf-8")
    (tmp_path / "model.js").write_text(text.replace(old, new, 1), "utf-8")
    page.reload()
    assert_only_the_error_is_shown(page)


MISSING = [
    "delete Array.prototype.flat",
    "delete CanvasRenderingContext2D.prototype.putImageData",
    "delete String.prototype.toLowerCase; delete Element.prototype.classList",
]


@pytest.mark.parametrize("script", MISSING)
def test_browser_that_lacks_a_function_is_told_at_the_start(page, script):
    page.add_init_script(script)
    page.reload()
    assert_only_the_error_is_shown(page)
