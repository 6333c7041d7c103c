"""The page in a real browser, and drawing on it: fixtures of test_page.py."""

import shutil

import pytest
from samples import save_network

import export
import train
from model import SimpleCNN
from pipeline import checkpoint, data, synthetic


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Checkpoint of a network that was trained on stroke digits."""
    model = train.train(*data.load_dataset("synthetic")[1], train.Recipe())
    path = save_network(tmp_path_factory.mktemp("trained"), model, classes=data.DIGITS)
    return checkpoint.load_checkpoint(SimpleCNN, path)


@pytest.fixture
def page(trained, tmp_path):
    """A copy of the page in tmp_path, opened from disk, 280 pixels wide."""
    chrome = shutil.which("chromium") or shutil.which("google-chrome")
    assert chrome, "install Chromium or Chrome, and requirements-dev.txt"
    from playwright.sync_api import sync_playwright

    shutil.copytree(export.TARGET.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.js").write_text(export.to_javascript(trained), "utf-8")
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


@pytest.fixture
def on_board(page):
    """Function that gives the pixel of the window at shares (x, y) of the board."""

    def on_board(x, y):
        box = page.locator("#drawing").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    return on_board


@pytest.fixture
def touch(page, on_board):
    """Function that sends an event of a finger at shares (x, y) of the board."""
    session = page.context.new_cdp_session(page)

    def touch(event, finger, *place):
        x, y = on_board(*place)
        points = [{"id": finger, "x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": event, "touchPoints": points})

    return touch


@pytest.fixture
def draw(page):
    """Function that draws a digit, and has it answered at once."""

    def draw(digit):
        page.evaluate("clear()")
        for stroke in next(iter(synthetic.read_skeletons()[digit].values())):
            path = [(112 + 37 * x, 112 + 37 * y) for x, y in stroke]
            page.evaluate(
                "path => path.reduce((a, b) => { draw(a, b); return b; })", path
            )
        page.evaluate("answer()")

    return draw
