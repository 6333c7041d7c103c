"""The page in a real browser, against torch and predict.py."""

import base64
import io
import math
import shutil

import pytest
import torch
from PIL import Image
from samples import save_network

import export
import train
from model import SimpleCNN
from pipeline import checkpoint, data, evaluation, strokes
from pipeline.pictures import prepare

INKED = "([x, y]) => paper.getImageData(x * SIDE, y * SIDE, 1, 1).data[3] > 0"
NOTHING = "Nothing drawn yet"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Checkpoint of a network that was trained on stroke digits."""
    model = train.train(*data.load_dataset("strokes")[1], train.Recipe())
    path = save_network(tmp_path_factory.mktemp("trained"), model, classes=data.DIGITS)
    return checkpoint.load_checkpoint(path, SimpleCNN)


@pytest.fixture
def page(trained, tmp_path):
    """A copy of the page in tmp_path, opened from disk, 280 pixels wide."""
    from playwright.sync_api import sync_playwright

    shutil.copytree(export.TARGET.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.js").write_text(export.to_javascript(trained), "utf-8")
    chrome = shutil.which("chromium") or shutil.which("google-chrome")
    requests = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chrome, args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 280, "height": 900})
        page.on("request", lambda request: requests.append(request.url))
        page.goto((tmp_path / "index.html").as_uri())
        yield page
    assert all(url.startswith(tmp_path.as_uri()) for url in requests)


def on_board(page, x, y):
    """The pixel of the window at shares (x, y) of the board."""
    box = page.locator("#drawing").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def draw(page, digit):
    """Draw a digit, and answer at once."""
    page.evaluate("clear()")
    for stroke in next(iter(strokes.read_skeletons()[digit].values())):
        path = [(112 + 37 * x, 112 + 37 * y) for x, y in stroke]
        page.evaluate("path => path.reduce((a, b) => { draw(a, b); return b; })", path)
    page.evaluate("answer()")


def test_probabilities_and_pixels_are_those_of_torch_and_predict(page, trained):
    differences = []
    images = data.load_strokes(train=False)[0][:200]
    script = "images => images.map(image => classify(image))"
    answers = torch.tensor(page.evaluate(script, images.flatten(1).tolist()))
    expected = evaluation.classify(trained.model, images)
    torch.testing.assert_close(answers, expected, atol=1e-4, rtol=0)
    for digit in range(10):
        draw(page, digit)
        assert page.text_content("#guess") == str(digit)
        drawing = page.evaluate("paper.canvas.toDataURL()").partition(",")[2]
        picture = prepare(Image.open(io.BytesIO(base64.b64decode(drawing))))
        seen = torch.tensor(page.evaluate("readPixels()"))
        differences.append((seen - picture.flatten()).abs().mean())
    assert torch.stack(differences).mean() < 0.025
    about = page.text_content("footer")
    assert about.startswith(trained.path.name) and "reads 10.00% of its" in about
    policy = page.get_attribute("meta[http-equiv]", "content")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_only_the_first_finger_and_the_left_button_draw(page):
    session = page.context.new_cdp_session(page)

    def touch(event, *places):
        pixels = [on_board(page, *place) for place in places]
        points = [{"id": i, "x": x, "y": y} for i, (x, y) in enumerate(pixels)]
        session.send("Input.dispatchTouchEvent", {"type": event, "touchPoints": points})

    page.mouse.click(*on_board(page, 0.1, 0.2), button="right")
    touch("touchStart", (0.3, 0.2))
    touch("touchStart", (0.3, 0.2), (0.8, 0.8))
    touch("touchMove", (0.3, 0.2), (0.8, 0.9))
    touch("touchMove", (0.3, 0.7))  # and the second one lifts
    touch("touchEnd")
    touch("touchStart", (0.6, 0.5))
    drawn = [(0.3, 0.2), (0.3, 0.5), (0.3, 0.7), (0.6, 0.5)]
    blank = [(0.1, 0.2), (0.8, 0.8), (0.8, 0.9), (0.45, 0.6)]
    inked = [page.evaluate(INKED, place) for place in drawn + blank]
    assert inked == [True] * 4 + [False] * 4
    page.click("button")
    assert not page.evaluate(INKED, drawn[0])


def test_keyboard_draws_and_is_answered_once_the_pen_rests(page):
    page.clock.install(time=0)
    page.clock.pause_at(1)  # seconds
    page.evaluate("addEventListener('keydown', e => { taken = e.defaultPrevented; })")
    page.focus("#drawing")
    page.keyboard.press(" ")
    assert page.text_content("[aria-live=polite]") == "Pen down"
    assert page.evaluate(INKED, [0.5, 0.25])
    for _ in range(12):
        page.clock.run_for(90)  # milliseconds
        page.keyboard.press("ArrowDown")
    for keys in ("Alt+c", "Control+c", "Alt+ArrowLeft", "Control+ArrowDown", "Alt+ "):
        page.keyboard.press(keys)
        assert page.evaluate("[taken, lines.length, lowered]") == [False, 13, True]
    assert page.text_content("#guess") == NOTHING
    page.clock.run_for(110)
    assert page.text_content("#guess") == "1"
    page.clock.run_for(600)
    assert page.text_content("#live").startswith("1, ")
    page.keyboard.press("c")
    assert page.text_content("#live") == "Pen up"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("[taken, lines.length]") == [True, 0]


def test_answer_is_quick_on_a_slow_processor(page):
    draw(page, 3)
    timed = "() => { const start = performance.now(); %s; return performance.now() - start; }"
    classify, answer = timed % "classify(readPixels())", timed % "answer()"
    assert min(page.evaluate(classify) for _ in range(15)) < 10  # milliseconds
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    assert min(page.evaluate(answer) for _ in range(15)) < 150


@pytest.mark.parametrize("value", ["255", "256 * Math.random() | 0", "0"])
def test_a_browser_that_hides_the_drawing_is_told_what_to_allow(page, value):
    script = """CanvasRenderingContext2D.prototype.getImageData = (x, y, width, height) =>
        new ImageData(new Uint8ClampedArray(4 * width * height).map(() => %s), width)"""
    page.add_init_script(script % value)
    page.reload()
    draw(page, 1)
    assert "allow canvas image data" in page.text_content("#error")
    assert page.text_content("#guess") == NOTHING


def test_ink_and_edge_stand_out_when_the_colours_change(page):
    page.mouse.click(*on_board(page, 0.5, 0.5))
    page.mouse.move(0, 0)
    places = [on_board(page, x, 0.5) for x in (0.5, 0.1, 0, -0.05)]
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        colours = torch.tensor([picture.getpixel(place) for place in places]) / 255
        luminance = colours**2.2 @ torch.tensor([0.213, 0.715, 0.072])
        ink, paper, edge, ground = (luminance + 0.05).log()  # as in WCAG 2.2
        assert (ink - paper).abs() > math.log(7)
        assert min((edge - paper).abs(), (edge - ground).abs()) > math.log(3)


def test_a_hundred_classes_of_any_names_fit_and_nothing_moves(page, tmp_path):
    names = ["<b>one</b>", "pomegranates", *map(str, range(98))]
    path = save_network(tmp_path, SimpleCNN(100), classes=names)
    loaded = checkpoint.load_checkpoint(path, SimpleCNN)
    (tmp_path / "model.js").write_text(export.to_javascript(loaded), "utf-8")
    page.reload()
    size = "[document.body.scrollHeight, document.documentElement.scrollWidth]"
    before = page.evaluate(size)
    draw(page, 1)
    assert page.evaluate(size) == before == [before[0], 280]
    assert page.locator("li span:first-child").all_text_contents() == names
    assert page.text_content("#guess") == page.text_content(".best :first-child")
    assert page.locator("ol").bounding_box()["height"] < 400


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("const", "("),  # as if it were missing, or no script allowed
        ('"Linear"', '"Softplus"'),
        ('"values":[', '"values":[],"x":['),
        ('"values":[', '"values":[1'),  # another weight
        ('"classes":["0",', '"classes":['),
        ('"rings":[', '"rings":[],"x":['),
    ],
)
def test_a_sentence_stands_where_the_network_is_damaged(page, tmp_path, old, new):
    text = (tmp_path / "model.js").read_text("utf-8")
    (tmp_path / "model.js").write_text(text.replace(old, new, 1), "utf-8")
    page.reload()
    assert "If this sentence stays" in page.inner_text("#error")
    assert not page.is_visible("main")
