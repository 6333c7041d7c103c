"""The page in a real browser, against torch and predict.py."""

import base64
import io
import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import export
import predict
import train
from model import SimpleCNN
from pipeline import checkpoint, data, evaluation, strokes

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-background-networking"]
INDEX = export.TARGET.with_name("index.html")

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


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Checkpoint of a network that was trained on stroke digits."""
    model = train.train(*data.load_dataset("strokes")[1], train.Recipe())
    metadata = {"dataset": "strokes", "classes": data.DIGITS, "test_accuracy": 97.2}
    folder = tmp_path_factory.mktemp("trained")
    return checkpoint.load_checkpoint(
        checkpoint.save_checkpoint(model, metadata, folder), SimpleCNN
    )


@pytest.fixture
def open_page(browser, trained, tmp_path):
    """Function that opens the page from disk, its model.js under an edit."""
    requests = []

    def open_page(edit=lambda text: text, width=1000):
        shutil.copy(INDEX, tmp_path)
        text = edit(export.to_javascript(trained))
        (tmp_path / "model.js").write_text(text, encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("request", lambda request: requests.append(request.url))
        page.goto((tmp_path / "index.html").as_uri())
        return page

    yield open_page
    assert all(url.startswith(tmp_path.as_uri()) for url in requests)


def draw(page, skeleton):
    """Draw the strokes of a digit with the mouse."""
    box = page.locator("#drawing").bounding_box()
    for stroke in skeleton:
        points = torch.tensor([[(x, y, 0.0) for x, y in stroke]])
        places = 0.2 + strokes.smooth(points)[0, ::4, :2] / 15
        for i, (x, y) in enumerate(places.tolist()):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if i == 0:
                page.mouse.down()
        page.mouse.up()
    page.wait_for_timeout(200)  # the answer comes with the next frame


def test_classify_equals_torch(open_page, trained):
    images = data.load_strokes(train=False)[0][:1000]
    answers, milliseconds = open_page().evaluate(
        """images => {
            const started = performance.now();
            const answers = images.map(image => classify(Float32Array.from(image)));
            return [answers, (performance.now() - started) / images.length];
        }""",
        images.flatten(1).tolist(),
    )
    expected = evaluation.classify(trained.model, images)
    answers = torch.tensor(answers)
    assert torch.equal(answers.argmax(dim=1), expected.argmax(dim=1))
    torch.testing.assert_close(answers, expected, atol=1e-4, rtol=0)
    assert milliseconds < 10


def test_drawn_digits_are_read_as_predict_reads_them(open_page):
    page = open_page()
    differences = []
    for digit, variants in strokes.read_skeletons().items():
        for variant, skeleton in enumerate(list(variants.values())[:2]):
            page.keyboard.press("c")
            draw(page, skeleton)
            if variant == 0:
                assert page.text_content("#digit") == str(digit)
            url = page.evaluate("drawing.toDataURL()")
            content = base64.b64decode(url.partition(",")[2])
            prepared = predict.prepare(Image.open(io.BytesIO(content)))
            seen = page.evaluate(
                "[...at('seen').getContext('2d').getImageData(0, 0, 28, 28).data]"
            )
            seen = torch.tensor(seen[::4]) / 255
            differences.append((seen - prepared.flatten()).abs().mean().item())
    assert len(differences) == 20
    assert np.mean(differences) < 0.05


def test_button_and_key_clear_the_drawing(open_page):
    page = open_page()
    nothing = page.text_content("#digit")
    assert "Nothing" in nothing
    for clear in (
        lambda: page.click("#clear"),
        lambda: page.keyboard.press("c"),
    ):
        draw(page, [[(3, 0), (3, 9)]])
        assert page.text_content("#digit") != nothing
        clear()
        assert page.text_content("#digit") == nothing
        assert not page.evaluate("pen.getImageData(0, 0, SIDE, SIDE).data.some(v => v)")


def test_keyboard_draws_and_the_answer_is_announced(open_page):
    page = open_page()
    page.focus("#drawing")
    page.keyboard.press(" ")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    page.wait_for_timeout(1000)  # the announcement waits for the pen to rest
    assert page.text_content("#digit") == "1"
    assert page.text_content("#live").startswith("1, ")


def test_nothing_moves_and_a_telephone_is_wide_enough(open_page):
    page = open_page(width=360)
    before = page.evaluate("document.documentElement.scrollHeight")
    draw(page, [[(3, 0), (3, 9)]])
    assert page.evaluate("document.documentElement.scrollHeight") == before
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda text: "", "missing or damaged"),
        (lambda text: text[:1000], "missing or damaged"),
        (
            lambda text: text.replace('"Linear"', '"Softplus"'),
            "know the model's layer Softplus",
        ),
        (lambda text: text.replace('"values":[', '"values":[],"x":['), "is damaged"),
        (lambda text: text.replace('"values":[', '"values":[1', 1), "is damaged"),
        (lambda text: text.replace('"stride":[2', '"stride":[1', 1), "is damaged"),
    ],
)
def test_unusable_model_is_a_sentence_and_no_answer(open_page, edit, sentence):
    page = open_page(edit)
    assert sentence in page.text_content("#error")
    draw(page, [[(3, 0), (3, 9)]])
    assert page.text_content("#digit") == ""
