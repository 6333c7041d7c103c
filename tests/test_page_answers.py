"""What the page computes in a real browser, compared with torch and pipeline/pictures.py."""

import base64
import io

import pytest
import torch
from PIL import Image

import export
from pipeline import data, evaluation
from pipeline.pictures import read_digit

pytest_plugins = ["browser"]
pytestmark = pytest.mark.browser


def test_probabilities_equal_those_of_torch(page, trained):
    images = data.load_synthetic(train=False)[0][:200]
    pixels = images.flatten(1).tolist()
    answers = page.evaluate("all => all.map(p => predictProbabilities(p))", pixels)
    expected = evaluation.predict_probabilities(trained.model, images)
    torch.testing.assert_close(torch.tensor(answers), expected, atol=1e-4, rtol=0)


def test_random_images_reach_nearly_every_weight(trained):
    images = export.make_test_images()
    assert torch.equal(255 * images, (255 * images).round())
    logits = trained.model(images)
    (logits * torch.randn(logits.shape)).sum().backward()
    gradients = [weights.grad.flatten() for weights in trained.model.parameters()]
    assert (torch.cat(gradients).abs() > 1e-4).float().mean() > 0.97


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
    "delete Math.hypot",
    "delete CanvasRenderingContext2D.prototype.putImageData",
    "delete Element.prototype.classList",
]


@pytest.mark.parametrize("script", MISSING)
def test_browser_that_lacks_a_function_is_told_at_the_start(page, script):
    page.add_init_script(script)
    page.reload()
    assert_only_the_error_is_shown(page)
