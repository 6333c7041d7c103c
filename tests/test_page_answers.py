"""What the page computes in a real browser, compared with torch and pipeline/pictures.py."""

import base64
import io

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import to_tensor

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


def test_pixels_of_the_lines_are_close_to_those_of_a_picture(page, draw):
    hide = "CanvasRenderingContext2D.prototype.getImageData = () => { throw 0; }"
    page.add_init_script(hide)  # as browsers do that protect from fingerprinting
    page.reload()

    def picture(canvas):
        content = page.evaluate(f"{canvas}.toDataURL()").partition(",")[2]
        return Image.open(io.BytesIO(base64.b64decode(content)))

    for digit in range(10):
        draw(digit)
        assert page.text_content("#guess") == str(digit)
        pixels = torch.tensor(page.evaluate("normalize(strokes, PEN_WIDTH)"))
        expected = read_digit(picture("paper.canvas")).flatten()
        assert (pixels - expected).abs().mean() < 0.02
        shown = to_tensor(picture("seen.canvas").convert("RGB")).flatten(1)
        assert (shown - pixels).abs().max() < 0.003
    dash = "sum(normalize([[[0, 0], [0, 60]]], 40)) / DIGIT_SIDE"
    assert page.evaluate(dash) == pytest.approx(2.8, abs=0.1)  # pixels wide, not 8
    dot = page.evaluate("sum(normalize([[[5, 5], [5.01, 5]]], 40))")
    assert 1 < dot < 10  # pixels: it does not become a line


def test_points_that_are_close_together_are_left_out_of_the_answer(page):
    page.evaluate("lines = 0; add = addLine; lines")
    page.evaluate("addLine = (...values) => add(...values, lines++); lines")
    scribble = [[i % 200 * 5, i / 20] for i in range(20_000)]
    page.evaluate("stroke => normalize([stroke], PEN_WIDTH)", scribble)
    assert 1000 < page.evaluate("lines") < 20_000 / 3


PROBLEMS = [
    "(",  # not JavaScript: as if the file were missing
    "MODEL.classes.pop()",
    "MODEL.layers.find(layer => layer.weight).weight.values[0] += 1",
    "delete Math.hypot",  # as in an older browser
    "delete CanvasRenderingContext2D.prototype.putImageData",
]


@pytest.mark.parametrize("script", PROBLEMS)
def test_page_that_cannot_answer_shows_only_the_error(page, tmp_path, script):
    with (tmp_path / "model.js").open("a") as file:
        file.write(script)
    page.reload()
    first, second = page.inner_text("#error").split("\n\n")
    assert "reload the page" in first
    assert "python export.py" in second
    assert not page.is_visible("main")
