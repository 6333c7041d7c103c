"""README's section "Use it as your template", followed by the letter, for three shapes."""

import difflib
import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SHAPES = ["circle", "square", "star"]
LIKE_THE_REPOSITORY = shutil.ignore_patterns(
    ".git", ".*_cache", ".venv", "data", "report", "model_*", "seen*", "__pycache__"
)


def draw_shape(shape, random):
    """Picture of 28 × 28 pixels, white on black: corners, joined or every second one."""
    n, step = {"circle": (60, 1), "square": (4, 1), "star": (5, 2)}[shape]
    angles = random.normal(0.8, 0.1) + 2 * np.pi * step * np.arange(n) / n
    radius = random.uniform(26, 38)
    corners = 56 + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    picture = Image.new("L", (112, 112))
    ImageDraw.Draw(picture).polygon([*map(tuple, corners)], outline=255, width=10)
    return picture.reduce(4)


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    """Copy of the repository, with README's lines and a data set of 1,200 pictures."""
    folder = tmp_path_factory.mktemp("template") / "copy"
    shutil.copytree(ROOT, folder, ignore=LIKE_THE_REPOSITORY)
    section = (ROOT / "README.md").read_text("utf-8").split("## Use it as your")[1]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    with (folder / "pipeline" / "data.py").open("a", encoding="utf-8") as file:
        file.write("\n\n" + re.sub("^   ", "", block, flags=re.MULTILINE))
    recipe = (ROOT / "train.py").read_text("utf-8")
    recipe = recipe.replace("epochs: int = 1 ", "epochs: int = 20 ")
    (folder / "train.py").write_text(recipe, "utf-8")
    random = np.random.default_rng(0)
    for part, shape in product(["train", "test"], SHAPES):
        place = folder / "data" / "shapes" / part / shape
        place.mkdir(parents=True)
        for i in range(300 if part == "train" else 100):
            draw_shape(shape, random).save(place / f"{i}.png")
    run(folder, "-m", "experiments.sweep", "--seeds=4", "--write")
    run(folder, "train.py")
    return folder


def run(folder, *arguments):
    """What a command prints, which must succeed."""
    command = [sys.executable, *arguments]
    ended = subprocess.run(command, cwd=folder, stdout=PIPE, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_few_lines_of_few_files_are_changed(adapted):
    changed = Counter()
    for path in adapted.rglob("*.py"):
        before = (ROOT / path.relative_to(adapted)).read_text("utf-8").splitlines()
        diff = difflib.ndiff(before, path.read_text("utf-8").splitlines())
        changed[path.name] += sum(line[0] in "+-" for line in diff)
    assert {name for name, n in changed.items() if n} == {"data.py", "train.py"}
    assert changed.total() <= 25


def test_gate_and_unit_tests_are_green_by_both_commands(adapted):
    output = run(adapted, "test_model.py")
    assert "on 300 test images of my shapes" in output
    assert "Output for a Batch of 1: 1 × 3 (= 1 × 3)" in output
    run(adapted, "-m", "pytest")
    summary = (adapted / "report" / "summary.md").read_text("utf-8")
    assert summary.startswith("## PASSED: model_")


def test_pictures_and_page_name_the_classes(adapted):
    for shape in SHAPES:
        path = Path("data", "shapes", "test", shape, "0.png")
        assert run(adapted, "predict.py", path).startswith(f"{path}: {shape} (")
    run(adapted, "export.py")
    model = (adapted / "page" / "model.js").read_text("utf-8")
    assert '"classes":["circle","square","star"]' in model
