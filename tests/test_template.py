"""README's section "Use it as your template" is followed for three shapes and for 26 letters."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from samples import README, copy_repository, own_results, run

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.slow, own_results]

SHAPES = ["circle", "square", "star"]
LETTERS = '''

import string


def load_letters(train=True):
    """Draw capital letters of Pillow's font, at different places and in different sizes."""
    from PIL import Image, ImageDraw, ImageFont
    from torchvision.transforms.functional import to_tensor

    images, labels = [], torch.arange(26 * (150 if train else 40)) % 26
    for i, label in enumerate(labels):
        picture = Image.new("L", (28, 28))
        font = ImageFont.load_default(18 + i % 7)
        place, letter = (11 + i % 6, 12 + i % 5), string.ascii_uppercase[label]
        ImageDraw.Draw(picture).text(place, letter, 255, font, anchor="mm")
        images.append(to_tensor(picture))
    return torch.stack(images), labels


DATASETS["letters"] = Dataset("letters", list(string.ascii_uppercase), load_letters)
DEFAULT = "letters"
'''


def corners(shape, random):
    """Return points (n, 2) of the line around a shape; its centre is (56, 56)."""
    n, step = {"circle": (60, 1), "square": (4, 1), "star": (5, 2)}[shape]
    angles = random.normal(0.8, 0.1) + 2 * np.pi * step * np.arange(n + 1) / n
    radius = random.uniform(26, 38)
    return 56 + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def adapt(folder, code, epochs):
    """Copy the repository, with more code in data.py and another number of epochs."""
    copy_repository(folder)
    with (folder / "pipeline" / "data.py").open("a", encoding="utf-8") as file:
        file.write(code)
    recipe = (folder / "train.py").read_text("utf-8")
    assert "epochs: int = setting(1," in recipe
    recipe = recipe.replace("int = setting(1,", f"int = setting({epochs},")
    (folder / "train.py").write_text(recipe, "utf-8")


def check_everything(folder):
    """Set the limits, train, and run all tests of an adapted copy; returns the summary."""
    run(folder, "-m", "experiments.sweep", "--seeds=4", "--write")
    run(folder, "train.py")
    run(folder, "-m", "pytest")
    summary = (folder / "report" / "summary.md").read_text("utf-8")
    assert summary.startswith("## PASSED: model_")
    output = run(folder, "-m", "pytest", "--slow", "-m", "slow", "-rs")
    assert "results of this repository" in output
    return summary


def draw(page, points):
    """Draw a line on the page, whose canvas is 1120 pixels wide; returns the answer."""
    page.evaluate("line => { show([line]); answer(); }", (10 * points).tolist())
    return page.text_content("#guess")


def test_shapes_follow_readme(tmp_path, browser):
    folder = tmp_path / "copy"
    section = README.split("## Use it as your")[1]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    adapt(folder, "\n\n" + re.sub("^   ", "", block, flags=re.MULTILINE), epochs=64)
    random = np.random.default_rng(0)
    for part, shape in product(["train", "test"], SHAPES):
        place = folder / "data" / "shapes" / part / shape
        place.mkdir(parents=True)
        for i in range(300 if part == "train" else 100):
            picture = Image.new("L", (112, 112), 255)
            line = [*map(tuple, corners(shape, random))]
            ImageDraw.Draw(picture).line(line, 0, 10, "curve")
            picture.save(place / f"{i}.png")
    assert "300 test images of my shapes" in check_everything(folder)
    for shape in SHAPES:
        path = Path("data", "shapes", "test", shape, "0.png")
        assert run(folder, "predict.py", path).startswith(f"{path}: {shape} (")
    run(folder, "export.py")
    page = browser.new_page()
    page.goto((folder / "page" / "index.html").as_uri())
    drawn = SHAPES * 10
    assert sum(draw(page, corners(shape, random)) == shape for shape in drawn) >= 27


def test_letters_with_a_load_function_of_their_own(tmp_path):
    folder = tmp_path / "copy"
    adapt(folder, LETTERS, epochs=16)
    assert "1,040 test images of letters" in check_everything(folder)
