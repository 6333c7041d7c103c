"""The page in real browsers, against torch and predict.py."""

import base64
import io
import json
import math
import os
import re
import shutil
import subprocess
from importlib.util import find_spec

import pytest
import torch
from PIL import Image
from samples import save_network

import export
import train
from model import SimpleCNN
from pipeline import checkpoint, data, evaluation, strokes
from pipeline.pictures import prepare

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-background-networking"]
STEM = [[(3, 0), (3, 9)]]
DIGITS = {d: next(iter(v.values())) for d, v in strokes.read_skeletons().items()}
HAND = """window.send = (type, pointerId, x = 0, y = 0, button = 0) => { // at a share of the board
    const box = drawing.getBoundingClientRect();
    drawing.dispatchEvent(new PointerEvent(`pointer${type}`, { pointerId, button,
        clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
};"""
INKED = "([x, y]) => paper.getImageData(x * SIDE, y * SIDE, 1, 1).data[3] > 0"
NOTHING = "Nothing drawn yet"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if os.environ.get("CI") != "true" and not (path and find_spec("playwright")):
        pytest.skip("needs Chrome, and `pip install -r requirements-dev.txt`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Checkpoint of a network that was trained on stroke digits."""
    model = train.train(*data.load_dataset("strokes")[1], train.Recipe())
    record = {"dataset": "strokes", "classes": data.DIGITS}
    path = save_network(tmp_path_factory.mktemp("trained"), model, **record)
    return checkpoint.load_checkpoint(path, SimpleCNN)


@pytest.fixture
def model_js(trained, tmp_path):
    """The file model.js beside a copy of the page."""
    copy = shutil.copytree(export.TARGET.parent, tmp_path / "page") / "model.js"
    copy.write_text(export.to_javascript(trained), "utf-8")
    return copy


@pytest.fixture
def open_page(browser, model_js):
    """Function that opens the page from disk, after a script."""
    requests = []

    def open_page(width=1000, script="", **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        page.add_init_script(script)
        page.on("request", lambda request: requests.append(request.url))
        page.goto(model_js.with_name("index.html").as_uri())
        return page

    yield open_page
    assert all(url.startswith(model_js.parent.as_uri()) for url in requests)


def curves(skeleton):
    """The places (x, y) of each stroke of a digit, as shares of the board."""
    for stroke in skeleton:
        points = torch.tensor([[(x, y, 0.0) for x, y in stroke]])
        yield (0.2 + strokes.smooth(points)[0, ::4, :2] / 15).tolist()


def draw(page, skeleton):
    """Draw the strokes of a digit with the mouse."""
    box = page.locator("#drawing").bounding_box()
    for places in curves(skeleton):
        for i, (x, y) in enumerate(places):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if i == 0:
                page.mouse.down()
        page.mouse.up()
    page.wait_for_timeout(250)  # the answer comes once the pen rests


def test_classify_equals_torch(open_page, trained):
    images = data.load_strokes(train=False)[0][:1000]
    script = """images => images.map(image =>
        classify({ shape: [1, 28, 28], values: Float64Array.from(image) }))"""
    answers = torch.tensor(open_page().evaluate(script, images.flatten(1).tolist()))
    expected = evaluation.classify(trained.model, images)
    assert torch.equal(answers.argmax(dim=1), expected.argmax(dim=1))
    torch.testing.assert_close(answers, expected, atol=1e-4, rtol=0)


def test_drawn_digits_are_read_as_predict_reads_them(open_page):
    page, differences = open_page(), []
    for digit, skeleton in DIGITS.items():
        page.keyboard.press("c")
        draw(page, skeleton)
        assert page.text_content("#guess") == str(digit)
        content = page.evaluate("canvas.toDataURL()").partition(",")[2]
        picture = Image.open(io.BytesIO(base64.b64decode(content)))
        seen = page.evaluate("[...frame(readInk(paper, SIDE)).values]")
        difference = torch.tensor(seen) - prepare(picture).flatten()
        differences.append(difference.abs().mean())
    assert torch.stack(differences).mean() < 0.05


def test_firefox_reads_the_same_digits(model_js, tmp_path):
    if not shutil.which("firefox-esr"):
        pytest.skip("needs Debian's firefox-esr")
    script = """let right = 0;
        for (const [digit, strokes] of Object.entries(%s)) {
            clear();
            for (const places of strokes)
                places.forEach((place, i) => send(i ? "move" : "down", 1, ...place)), send("up", 1);
            answer();
            right += element("guess").textContent === digit;
        }
        document.body.style.background = `rgb(${right}, 0, 0)`;"""
    digits = {digit: [*curves(skeleton)] for digit, skeleton in DIGITS.items()}
    draws = model_js.with_name("draws.js")
    draws.write_text(HAND + script % json.dumps(digits), "utf-8")
    page = model_js.with_name("index.html")
    with page.open("a", encoding="utf-8") as file:
        file.write('<script src="draws.js"></script>')
    options = "--profile", tmp_path, "--screenshot", tmp_path / "seen.png"
    command = ["firefox-esr", "--headless", *options, page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.getpixel((0, 0))[:3] == (10, 0, 0)


def test_only_the_first_pointer_and_the_left_button_draw(open_page):
    page = open_page(script=HAND)
    page.evaluate(
        """send("down", 1, .1, .2, 2), send("down", 2, .3, .2), send("down", 3, .8, .8);
        send("move", 3, .8, .9), send("up", 3), send("move", 2, .3, .7), send("up", 2);
        send("move", 2, .9, .9), send("down", 3, .6, .5);"""
    )
    for place in ((0.3, 0.2), (0.3, 0.7), (0.6, 0.5)):
        assert page.evaluate(INKED, place)
    for place in ((0.1, 0.2), (0.8, 0.8), (0.8, 0.9), (0.9, 0.9), (0.45, 0.6)):
        assert not page.evaluate(INKED, place)


def test_answer_waits_until_the_pen_rests(open_page):
    page = open_page(script=HAND)
    page.clock.install(time=0)
    page.clock.pause_at(1)  # seconds
    for event in ("down", "move"):
        page.evaluate("event => send(event, 1, 0.5, 0.5)", event)
        page.clock.run_for(90)  # milliseconds
        assert page.text_content("#guess") == NOTHING
    page.clock.run_for(20)
    assert page.text_content("#guess") in data.DIGITS


def test_answer_is_quick_on_a_slow_processor(open_page):
    page = open_page()
    draw(page, DIGITS[3])
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    script = "() => { const start = performance.now(); answer(); return performance.now() - start; }"
    assert min(page.evaluate(script) for _ in range(15)) < 150  # milliseconds


def test_a_tap_is_a_dot_and_button_and_key_clear_it(open_page):
    page = open_page()
    for clear in (lambda: page.click("#clear"), lambda: page.keyboard.press("c")):
        page.click("#drawing")
        page.wait_for_timeout(250)
        assert page.text_content("#guess") in data.DIGITS
        clear()
        assert page.text_content("#guess") == NOTHING
        assert not page.evaluate("readInk(paper, SIDE).values.some(v => v)")


def test_keyboard_draws_and_what_happens_is_announced(open_page):
    page = open_page()
    page.focus("#drawing")
    page.keyboard.press(" ")
    assert page.text_content("#live") == "Pen down"
    assert page.evaluate(INKED, [0.5, 0.25])
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    page.wait_for_timeout(1000)  # the announcement waits for the pen to rest
    assert page.text_content("#guess") == "1"
    assert page.text_content("#live").startswith("1, ")
    page.evaluate("addEventListener('keydown', e => { taken = e.defaultPrevented; })")
    drawn = page.evaluate("canvas.toDataURL()")
    for keys in ("Alt+c", "Control+c", "Alt+ArrowLeft", "Control+ArrowDown", "Alt+ "):
        page.keyboard.press(keys)
        assert page.evaluate("[taken, canvas.toDataURL()]") == [False, drawn]
    page.keyboard.press("c")
    assert page.text_content("#live") == "Pen up"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("taken")
    assert not page.evaluate("readInk(paper, SIDE).values.some(v => v)")


@pytest.mark.parametrize("value", ["255", "256 * Math.random() | 0", "0"])
def test_a_browser_that_hides_the_drawing_is_told_what_to_allow(open_page, value):
    script = """CanvasRenderingContext2D.prototype.getImageData = (x, y, width, height) =>
        new ImageData(new Uint8ClampedArray(4 * width * height).map(() => %s), width)"""
    page = open_page(script=script % value)
    draw(page, STEM)
    assert "allow canvas image data" in page.text_content("#error")
    assert page.text_content("#guess") == NOTHING


def test_ink_and_edge_stand_out_when_the_colours_change(open_page):
    weights = torch.tensor([0.213, 0.715, 0.072])  # of red, green and blue
    page = open_page()
    draw(page, STEM)
    page.mouse.move(0, 0)
    box = page.locator("#drawing").bounding_box()
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)
        with Image.open(io.BytesIO(page.screenshot())) as picture:
            colours = [  # of the ink, the paper, its edge and the ground
                picture.getpixel((box["x"] + x, box["y"] + box["height"] / 2))[:3]
                for x in (0.4 * box["width"], 0.1 * box["width"], 0, -9)
            ]
        luminance = (torch.tensor(colours) / 255) ** 2.2 @ weights
        ink, paper, edge, ground = (luminance + 0.05).log()  # as in WCAG 2.2
        assert (ink - paper).abs() > math.log(7)
        assert min((edge - paper).abs(), (edge - ground).abs()) > math.log(3)


def test_a_stroke_moves_nothing_and_280_pixels_are_wide_enough(open_page):
    page = open_page(280)
    size = "[document.body.scrollHeight, document.documentElement.scrollWidth]"
    before = page.evaluate(size)
    draw(page, STEM)
    assert page.evaluate(size) == before == [before[0], 280]


@pytest.mark.parametrize(
    "names", [["<b>one</b>", "pomegranates"], [f"{i}." for i in range(100)]]
)
def test_classes_are_those_of_the_checkpoint(open_page, model_js, names):
    path = save_network(model_js.parent, SimpleCNN(len(names)), classes=names)
    loaded = checkpoint.load_checkpoint(path, SimpleCNN)
    model_js.write_text(export.to_javascript(loaded), "utf-8")
    page = open_page(280)
    draw(page, STEM)
    assert page.locator("#bars li span:first-child").all_text_contents() == names
    assert page.text_content("#guess") in names
    assert page.evaluate("document.documentElement.scrollWidth") == 280
    assert page.locator("#bars").bounding_box()["height"] < 400


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("model.js", ".*", ""),  # as if it were missing, or no script allowed
        ("network.js", ".*", ""),
        ("framing.js", ".*", ""),
        ("page.js", ".*", ""),
        ("model.js", "(?<=^.{1000}).*", ""),
        ("model.js", '"Linear"', '"Softplus"'),
        ("model.js", r'"values":\[', '"values":[],"x":['),
        ("model.js", r'"values":\[', '"values":[1'),  # another weight
        ("model.js", r'"stride":\[2', '"stride":[1'),
        ("model.js", r'"classes":\["0",', '"classes":['),
        ("model.js", r'"rings":\[', '"rings":[],"x":['),
    ],
)
def test_a_sentence_stands_for_the_board_of_a_damaged_page(
    open_page, model_js, name, old, new
):
    path = model_js.with_name(name)
    text = re.sub(old, new, path.read_text("utf-8"), count=1, flags=re.DOTALL)
    path.write_text(text, "utf-8")
    page = open_page()
    assert "If this sentence stays" in page.inner_text("#error")
    assert not page.is_visible("#board")
