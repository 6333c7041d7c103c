"""The page in a real browser, and a way to draw on it: fixtures of several test files."""

import shutil

import pytest
from samples import save_network

import export
import train
from model import SimpleCNN
from pipeline import checkpoint, data, synthetic


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Checkpoint of a network that was trained on synthetic digits."""
    model = train.train(*data.load_dataset("synthetic")[1], train.Recipe())
    path = save_network(tmp_path_factory.mktemp("trained"), model, classes=data.DIGITS)
    return checkpoint.load_checkpoint(SimpleCNN, path)


@pytest.fixture(scope="session")
def browser():
    """Start Chromium or Chrome without a window."""
    chrome = shutil.which("chromium") or shutil.which("google-chrome")
    assert chrome, "install Chromium or Chrome, and requirements-dev.txt"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chrome, args=["--no-sandbox"])


@pytest.fixture
def page(browser, trained, tmp_path):
    """Open a copy of the page from disk, on a screen of the smallest phone."""
    shutil.copytree(export.TARGET.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.js").write_text(export.to_javascript(trained), "utf-8")
    with browser.new_context(viewport={"width": 320, "height": 568}) as context:
        page = context.new_page()
        page.goto((tmp_path / "index.html").as_uri())
        yield page


@pytest.fixture
def draw(page):
    """Return a function that draws a digit on the page and makes the page answer."""

    def draw(digit):
        strokes = next(iter(synthetic.read_skeletons()[digit].values()))
        places = [[[224 + 74 * v for v in point] for point in s] for s in strokes]
        page.evaluate("strokes => { show(strokes); answer(); }", places)

    return draw
