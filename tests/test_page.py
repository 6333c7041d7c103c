"""The page in a real browser, against torch and predict.py."""

import base64
import io
import math

import pytest
import torch
from PIL import Image
from samples import save_network

import export
from model import SimpleCNN
from pipeline import checkpoint, data, evaluation
from pipeline.pictures import read_digit

INKED = "([x, y]) => paper.getImageData(x * SIDE, y * SIDE, 1, 1).data[3] > 0"

pytest_plugins = ["browser"]  # its fixtures
pytestmark = pytest.mark.browser


def test_probabilities_and_pixels_are_those_of_torch_and_predict(page, draw, trained):
    images = data.load_synthetic(train=False)[0][:200]
    pixels = images.flatten(1).tolist()
    answers = torch.tensor(
        page.evaluate("all => all.map(p => predict_probabilities(p))", pixels)
    )
    expected = evaluation.predict_probabilities(trained.model, images)
    torch.testing.assert_close(answers, expected, atol=1e-4, rtol=0)
    for digit in range(10):
        draw(digit)
        assert page.text_content("#guess") == str(digit)
        drawing = page.evaluate("paper.canvas.toDataURL()").partition(",")[2]
        picture = read_digit(Image.open(io.BytesIO(base64.b64decode(drawing))))
        seen = torch.tensor(page.evaluate("readPixels()"))
        assert (seen - picture.flatten()).abs().mean() < 0.02
    short = "sum(frame([[[0, 0], [0, 60]]], 40)) / DIGIT_SIDE"
    assert page.evaluate(short) == pytest.approx(2.8, abs=0.1)  # pixels wide, not 8
    about = page.text_content("footer")
    assert about.startswith(trained.path.name) and "reads 10.00% of its" in about
    policy = page.get_attribute("meta[http-equiv]", "content")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_only_the_first_finger_and_the_left_button_draw(page, on_board, touch):
    page.mouse.click(*on_board(0.1, 0.2), button="right")
    page.mouse.click(*on_board(0.6, 0.5))
    touch("touchStart", 1, 0.3, 0.2)
    touch("touchStart", 2, 0.8, 0.8)
    touch("touchMove", 2, 0.8, 0.9)
    touch("touchEnd", 2, 0.8, 0.9)
    touch("touchMove", 1, 0.3, 1.2)  # beyond the board
    touch("touchEnd", 1, 0.3, 1.2)
    assert page.evaluate("Math.max(...lines.flat(2)) === SIDE")
    for place in ((0.3, 0.2), (0.3, 0.5), (0.3, 0.7), (0.6, 0.5)):
        assert page.evaluate(INKED, place)
    for place in ((0.1, 0.2), (0.8, 0.8), (0.8, 0.9), (0.45, 0.6)):
        assert not page.evaluate(INKED, place)
    page.click("button")
    assert not page.evaluate(INKED, (0.3, 0.5))


def test_keyboard_draws_and_is_answered_once_the_pen_rests(page):
    page.clock.pause_at("2100-01-01")
    page.reload()  # or a timer from before would tell that nothing is drawn
    page.evaluate("addEventListener('keydown', e => { taken = e.defaultPrevented; })")
    page.locator("#drawing").press(" ")
    assert page.text_content("[aria-live=polite]") == "Pen down"
    for _ in range(12):
        page.clock.run_for(90)  # milliseconds
        page.keyboard.press("ArrowDown")
    for keys in ("Alt+c", "Control+c", "Alt+ArrowLeft", "Control+ArrowDown", "Alt+ "):
        page.keyboard.press(keys)
        assert page.evaluate("[taken, lines.length, lowered]") == [False, 13, True]
    assert page.text_content("#guess") == "Nothing drawn yet"
    page.clock.run_for(110)
    assert page.text_content("#guess") == "1"
    page.clock.run_for(600)
    assert page.text_content("#live").startswith("1, ")
    page.keyboard.press("c")
    assert page.text_content("#live") == "Pen up"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("[taken, lines.length]") == [True, 0]


def test_answer_is_quick_on_a_slow_processor(page, draw):
    draw(3)
    script = "start = performance.now(); answer(); performance.now() - start"
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    assert min(page.evaluate(script) for _ in range(15)) < 150  # milliseconds


@pytest.mark.parametrize("value", ["255", "256 * Math.random() | 0", "0"])
def test_a_browser_that_hides_the_drawing_is_told_what_to_allow(page, draw, value):
    script = """CanvasRenderingContext2D.prototype.getImageData = (x, y, width, height) =>
        new ImageData(new Uint8ClampedArray(4 * width * height).map(() => %s), width)"""
    page.add_init_script(script % value)
    page.reload()
    draw(1)
    assert "allow canvas image data" in page.text_content("#error")
    assert page.text_content("#guess") == "Nothing drawn yet"


def test_ink_and_edge_stand_out_when_the_colours_change(page, on_board):
    page.mouse.click(*on_board(0.5, 0.5))
    places = [on_board(x, 0.5) for x in (0.5, 0.1, 0, -0.05)]
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        colours = torch.tensor([picture.getpixel(place) for place in places]) / 255
        luminance = colours**2.2 @ torch.tensor([0.213, 0.715, 0.072])
        ink, paper, edge, ground = (luminance + 0.05).log()  # as in WCAG 2.2
        assert (ink - paper).abs() > math.log(7)
        assert min((edge - paper).abs(), (edge - ground).abs()) > math.log(3)


def test_a_hundred_classes_of_any_names_fit_and_nothing_moves(page, draw, tmp_path):
    names = ["<b>one</b>", "pomegranates", *map(str, range(98))]
    path = save_network(tmp_path, SimpleCNN(100), classes=names)
    loaded = checkpoint.load_checkpoint(SimpleCNN, path)
    (tmp_path / "model.js").write_text(export.to_javascript(loaded), "utf-8")
    page.reload()
    size = "[document.body.scrollHeight, document.documentElement.scrollWidth]"
    before = page.evaluate(size)
    draw(1)
    assert page.evaluate(size) == before == [before[0], 280]
    assert page.locator("li span:first-child").all_text_contents() == names
    name, percent = page.locator(".best span").all_text_contents()
    assert page.text_content("#guess") == name
    assert percent in page.get_attribute(".best", "style")
    assert page.locator("ol").bounding_box()["height"] < 400


DAMAGE = [
    ("const", "("),  # as if it were missing, or no script allowed
    ('"Linear"', '"Softplus"'),
    ('"values":[', '"values":[],"x":['),
    ('"values":[', '"values":[1'),  # another weight
    ('"classes":["0",', '"classes":['),
    ('"rings":[', '"rings":[],"x":['),
]


@pytest.mark.parametrize(("old", "new"), DAMAGE)
def test_a_sentence_stands_where_the_network_is_damaged(page, tmp_path, old, new):
    text = (tmp_path / "model.js").read_text("utf-8")
    (tmp_path / "model.js").write_text(text.replace(old, new, 1), "utf-8")
    page.reload()
    assert "If this sentence stays" in page.inner_text("#error")
    assert not page.is_visible("main")
