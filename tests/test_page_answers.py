"""What the page computes in a real browser, compared with torch and pipeline/pictures.py."""

import base64
import io

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import to_tensor

from pipeline.evaluation import predict_probabilities
from pipeline.pictures import read_digit
from pipeline.synthetic import IMAGE_SIDE

pytest_plugins = ["browser"]
pytestmark = pytest.mark.browser


def test_answers_equal_those_of_predict(page, draw, trained):
    hide = "CanvasRenderingContext2D.prototype.getImageData = () => { throw 0; }"
    page.add_init_script(hide)  # as in browsers that protect against fingerprinting
    page.reload()

    def picture(canvas):
        content = page.evaluate(f"{canvas}.toDataURL()").partition(",")[2]
        return Image.open(io.BytesIO(base64.b64decode(content)))

    for digit in range(10):
        draw(digit)
        assert page.text_content("#guess") == str(digit)
        pixels = torch.tensor(page.evaluate("normalize(strokes, PEN_WIDTH)"))
        pixels = pixels.view(1, 1, IMAGE_SIDE, IMAGE_SIDE)
        assert (pixels - read_digit(picture("paper.canvas"))).abs().mean() < 0.02
        shown = to_tensor(picture("seen.canvas").convert("RGB"))
        assert (shown - pixels).abs().max() < 0.003
        answer = page.evaluate("predictProbabilities(normalize(strokes, PEN_WIDTH))")
        expected = predict_probabilities(trained.model, pixels)
        torch.testing.assert_close(torch.tensor([answer]), expected, atol=1e-4, rtol=0)


def test_short_lines_and_dots_stay_thin(page):
    dash = "sum(normalize([[[0, 0], [0, 60]]], 40)) / DIGIT_SIDE"
    assert page.evaluate(dash) == pytest.approx(2.8, abs=0.1)  # pixels wide, not 8
    dot = page.evaluate("sum(normalize([[[5, 5], [5.01, 5]]], 40))")
    assert 1 < dot < 10  # pixels: it does not become a line


def test_long_scribble_is_answered_from_a_part_of_its_points(page):
    page.evaluate("lines = 0; add = addLine; lines")
    page.evaluate("addLine = (...values) => add(...values, lines++); lines")
    corner = [[0, 0], [1000, 0], [1000, 900]]
    scribble = [[i / 20, 0] for i in range(20_000)] + corner[2:]
    answer = "stroke => normalize([stroke], PEN_WIDTH)"
    expected = pytest.approx(page.evaluate(answer, corner), abs=0.01)
    assert page.evaluate(answer, scribble) == expected
    assert page.evaluate("lines") < 20_000 / 4


PROBLEMS = [
    "(",  # not JavaScript: as if the file were missing
    "MODEL.layers.find(layer => layer.weight).weight.values[0] += 1",
    "delete Array.prototype.flat",  # as in an older browser
    "delete CanvasRenderingContext2D.prototype.putImageData",
]


@pytest.mark.parametrize("script", PROBLEMS)
def test_page_that_cannot_answer_shows_only_the_error(page, tmp_path, script):
    with (tmp_path / "model.js").open("a") as file:
        file.write(script)
    page.reload()
    first, second = page.inner_text("#error").split("\n")
    assert "reload the page" in first
    assert "python export.py" in second
    assert not page.is_visible("main")
