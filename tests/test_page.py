"""The page in real browsers, against torch and predict.py."""

import base64
import io
import json
import math
import os
import re
import shutil
import socket
import subprocess
import time

import numpy as np
import pytest
import torch
from PIL import Image

import export
import train
from model import SimpleCNN
from pipeline import checkpoint, data, evaluation, strokes
from pipeline.pictures import prepare

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-background-networking"]
PAGE = export.TARGET.with_name("index.html")
STEM = [[(3, 0), (3, 9)]]
NOTHING = "Nothing drawn yet"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        found = []
    if not found:
        reason = "needs Chrome, and `pip install -r requirements-dev.txt`"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found[0], args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def firefox(tmp_path):
    """Function that has Firefox obey a command of Marionette, its own protocol."""
    if not shutil.which("firefox-esr"):
        pytest.skip("needs Debian's firefox-esr")
    (tmp_path / "user.js").write_text('user_pref("marionette.port", 0);')  # a free one
    command = ["firefox-esr", "--headless", "--marionette", "--profile", tmp_path]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **silent)
    port, deadline = tmp_path / "MarionetteActivePort", time.monotonic() + 60
    while not (port.exists() and port.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    connection = socket.create_connection(("127.0.0.1", int(port.read_text())))
    stream = connection.makefile("rwb")

    def receive():
        length = b"".join(iter(lambda: stream.read(1), b":"))
        return json.loads(stream.read(int(length)))

    def firefox(command, **parameters):
        message = json.dumps([0, 1, f"WebDriver:{command}", parameters])
        stream.write(f"{len(message)}:{message}".encode())
        stream.flush()
        error, answer = receive()[2:]
        assert not error
        return answer

    receive()  # a greeting
    firefox("NewSession")
    yield firefox
    process.kill()
    process.wait()


def save_and_load(model, classes, folder):
    record = {"dataset": "strokes", "classes": classes, "test_accuracy": 97.2}
    path = checkpoint.save_checkpoint(model, record, folder)
    return checkpoint.load_checkpoint(path, SimpleCNN)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Checkpoint of a network that was trained on stroke digits."""
    model = train.train(*data.load_dataset("strokes")[1], train.Recipe())
    return save_and_load(model, [*"0123456789"], tmp_path_factory.mktemp("trained"))


@pytest.fixture
def model_js(trained, tmp_path):
    """The file model.js beside a copy of the page."""
    shutil.copy(PAGE, tmp_path)
    (tmp_path / "model.js").write_text(export.to_javascript(trained), "utf-8")
    return tmp_path / "model.js"


@pytest.fixture
def open_page(browser, model_js):
    """Function that opens the page from disk, after a script."""
    requests = []

    def open_page(width=1000, script="", **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        page.add_init_script(script)
        page.on("request", lambda request: requests.append(request.url))
        page.goto(model_js.with_name(PAGE.name).as_uri())
        return page

    yield open_page
    assert all(url.startswith(model_js.parent.as_uri()) for url in requests)


def curves(skeleton, box):
    """The places (x, y) of each stroke of a digit in a box on the screen."""
    corner = torch.tensor([box["x"], box["y"]])
    sides = torch.tensor([box["width"], box["height"]])
    for stroke in skeleton:
        points = torch.tensor([[(x, y, 0.0) for x, y in stroke]])
        places = 0.2 + strokes.smooth(points)[0, ::4, :2] / 15
        yield (corner + sides * places).tolist()


def draw(page, skeleton):
    """Draw the strokes of a digit with the mouse."""
    for first, *others in curves(skeleton, page.locator("#drawing").bounding_box()):
        page.mouse.move(*first)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place)
        page.mouse.up()
    page.wait_for_timeout(250)  # the answer comes once the pen rests


def test_classify_equals_torch(open_page, trained):
    images = data.load_strokes(train=False)[0][:1000]
    script = "images => images.map(image => classify(Float32Array.from(image)))"
    answers = torch.tensor(open_page().evaluate(script, images.flatten(1).tolist()))
    expected = evaluation.classify(trained.model, images)
    assert torch.equal(answers.argmax(dim=1), expected.argmax(dim=1))
    torch.testing.assert_close(answers, expected, atol=1e-4, rtol=0)


def test_drawn_digits_are_read_as_predict_reads_them(open_page):
    page = open_page()
    differences = []
    for digit, variants in strokes.read_skeletons().items():
        for variant, skeleton in enumerate(list(variants.values())[:2]):
            page.keyboard.press("c")
            draw(page, skeleton)
            if variant == 0:
                assert page.text_content("#guess") == str(digit)
            content = page.evaluate("drawing.toDataURL()").partition(",")[2]
            picture = Image.open(io.BytesIO(base64.b64decode(content)))
            seen = page.evaluate("[...frame(crop(readInk(canvas, SIDE)))]")
            difference = torch.tensor(seen) - prepare(picture).flatten()
            differences.append(difference.abs().mean().item())
    assert len(differences) == 20
    assert np.mean(differences) < 0.05


def test_firefox_reads_the_same_digits(firefox, model_js):
    def run(script):
        return firefox("ExecuteScript", script=script, args=[])["value"]

    firefox("Navigate", url=model_js.with_name(PAGE.name).as_uri())
    for digit, variants in strokes.read_skeletons().items():
        run("document.querySelector('#clear').click()")
        box = run("return document.querySelector('#drawing').getBoundingClientRect()")
        steps = []
        for places in curves(next(iter(variants.values())), box):
            moves = [{"type": "pointerMove", "x": x, "y": y} for x, y in places]
            down, up = (
                {"type": f"pointer{way}", "button": 0} for way in ("Down", "Up")
            )
            steps += [moves[0], down, *moves[1:], up]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        firefox("PerformActions", actions=[mouse])
        time.sleep(0.25)
        assert run("return document.querySelector('#guess').textContent") == str(digit)


def test_only_the_first_pointer_and_the_left_button_draw(open_page):
    page = open_page()
    page.evaluate(
        """events => {
            const box = drawing.getBoundingClientRect();
            for (const [type, pointerId, x, y, button = 0] of events.split(", ").map(e => e.split(" ")))
                drawing.dispatchEvent(new PointerEvent(`pointer${type}`, { pointerId, button,
                    clientX: box.left + x / 10 * box.width, clientY: box.top + y / 10 * box.height }));
        }""",
        "down 1 1 2 2, down 2 3 2, down 3 8 8, move 3 8 9, up 3 8 9, move 2 3 7, up 2 3 7, "
        "move 2 9 9, down 3 6 5",
    )
    ends = torch.tensor(page.evaluate("lines.map(([from, to]) => to)")) / 56
    torch.testing.assert_close(ends, torch.tensor([[3.0, 2], [3, 7], [6, 5]]))


def test_answer_waits_for_the_pen_and_is_quick_on_a_slow_processor(open_page):
    page = open_page()
    page.evaluate(
        """() => {
            const [drawn, answered] = [draw, answer];
            let latest;
            window.rests = [];
            draw = (...points) => { latest = performance.now(); drawn(...points); };
            answer = () => { rests.push(performance.now() - latest); answered(); };
        }"""
    )
    draw(page, strokes.read_skeletons()[3]["looped"])
    assert min(page.evaluate("rests")) >= 99
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    script = "() => { const start = performance.now(); answer(); return performance.now() - start; }"
    assert min(page.evaluate(script) for _ in range(15)) < 100


def test_a_tap_is_a_dot_and_button_and_key_clear_it(open_page):
    page = open_page()
    for clear in (lambda: page.click("#clear"), lambda: page.keyboard.press("c")):
        assert page.text_content("#guess") == NOTHING
        page.click("#drawing")
        page.wait_for_timeout(250)
        assert page.text_content("#guess") in "0123456789"
        clear()
    assert not page.evaluate("readInk(canvas, SIDE).values.some(v => v)")


def test_keyboard_draws_and_what_happens_is_announced(open_page):
    page = open_page()
    page.focus("#drawing")
    page.keyboard.press(" ")
    assert page.text_content("#live") == "Pen down"
    assert page.evaluate("lines.length") == 1
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    page.wait_for_timeout(1000)  # the announcement waits for the pen to rest
    assert page.text_content("#guess") == "1"
    assert page.text_content("#live").startswith("1, ")
    page.evaluate("addEventListener('keydown', e => { taken = e.defaultPrevented; })")
    for keys in ("Alt+c", "Control+c", "Alt+ArrowLeft", "Control+ArrowDown", "Alt+ "):
        page.keyboard.press(keys)
        assert page.evaluate("[taken, lines.length]") == [False, 13]
    page.keyboard.press("c")
    assert page.text_content("#live") == "Pen up"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("[taken, lines.length]") == [True, 0]


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
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(100)
        colours = page.evaluate(
            """[`${canvas.getImageData(SIDE * 0.4, SIDE / 2, 1, 1).data}`,
                getComputedStyle(drawing).backgroundColor, getComputedStyle(drawing).borderColor,
                getComputedStyle(document.body).backgroundColor]"""
        )
        values = [[int(part) for part in re.findall(r"\d+", c)[:3]] for c in colours]
        luminance = (torch.tensor(values) / 255) ** 2.2 @ weights
        ink, paper, edge, ground = (luminance + 0.05).log()  # as in WCAG 2.2
        assert (ink - paper).abs() > math.log(7)
        assert min((edge - paper).abs(), (edge - ground).abs()) > math.log(3)


def test_a_stroke_moves_nothing_and_280_pixels_are_wide_enough(open_page):
    page = open_page(280)
    size = "[document.body.scrollHeight, document.documentElement.scrollWidth]"
    before = page.evaluate(size)
    draw(page, STEM)
    assert page.evaluate(size) == before == [before[0], 280]


def test_without_javascript_a_sentence_stands_for_the_board(open_page):
    page = open_page(java_script_enabled=False)
    assert page.locator("noscript p").is_visible()
    assert not page.locator(".board").is_visible()


@pytest.mark.parametrize(
    "names", [["<b>one</b>", "pomegranates"], [f"{i}." for i in range(100)]]
)
def test_classes_are_those_of_the_checkpoint(open_page, model_js, names):
    record = save_and_load(SimpleCNN(len(names)), names, model_js.parent)
    model_js.write_text(export.to_javascript(record), "utf-8")
    page = open_page(280)
    draw(page, STEM)
    assert page.locator("#bars li span:first-child").all_text_contents() == names
    assert page.text_content("#guess") in names
    assert page.evaluate("document.documentElement.scrollWidth") == 280
    assert page.locator("#list").bounding_box()["height"] < 400


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (".*", "", "missing or damaged"),
        ("(?<=^.{1000}).*", "", "missing or damaged"),
        ('"Linear"', '"Softplus"', "know the model's layer Softplus"),
        (r'"values":\[', '"values":[],"x":[', "is damaged"),
        (r'"values":\[', '"values":[1', "is damaged"),
        (r'"stride":\[2', '"stride":[1', "is damaged"),
        ('"weight"', '"weights"', "is damaged"),
        (r'"classes":\["0",', '"classes":[', "is damaged"),
    ],
)
def test_unusable_model_is_a_sentence_and_no_answer(
    open_page, model_js, old, new, sentence
):
    model_js.write_text(
        re.sub(old, new, model_js.read_text("utf-8"), count=1, flags=re.DOTALL), "utf-8"
    )
    page = open_page()
    assert sentence in page.text_content("#error")
    draw(page, STEM)
    assert page.text_content("#guess") == ""
