"""README's section "Use it as your template", followed by the letter, for three shapes."""

import difflib
import re
import shutil
import subprocess
import sys
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
    """Picture of 28 × 28 pixels, white on black."""
    picture = Image.new("L", (112, 112))
    corners = {"circle": 60, "square": 4, "star": 10}[shape]
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + random.normal(
        0.8, 0.1
    )
    radii = random.uniform(26, 38) * np.ones(corners)
    radii[1::2] *= 0.4 if shape == "star" else 1
    places = 56 + radii * [np.cos(angles), np.sin(angles)] + random.normal(0, 1, (2, 1))
    ImageDraw.Draw(picture).polygon([*map(tuple, places.T)], outline=255, width=10)
    return picture.reduce(4)


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    """Copy of the repository, with README's lines and a data set of 1,200 pictures."""
    folder = tmp_path_factory.mktemp("template") / "copy"
    shutil.copytree(ROOT, folder, ignore=LIKE_THE_REPOSITORY)
    section = (folder / "README.md").read_text("utf-8").split("## Use it as your")[1]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    lines = [line.removeprefix("   ") for line in block.splitlines(keepends=True)]
    with (folder / "pipeline" / "data.py").open("a", encoding="utf-8") as file:
        file.writelines(["\n\n", *lines])
    recipe = (folder / "train.py").read_text("utf-8")
    recipe = recipe.replace("epochs: int = 1 ", "epochs: int = 20 ")
    (folder / "train.py").write_text(recipe, "utf-8")
    random = np.random.default_rng(0)
    for part, n in {"train": 300, "test": 100}.items():
        for shape in SHAPES:
            place = folder / "data" / "shapes" / part / shape
            place.mkdir(parents=True)
            for i in range(n):
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
    changed = {}
    for path in ROOT.glob("**/*.py"):
        name = path.relative_to(ROOT)
        if (adapted / name).exists():
            before, after = (f.read_text("utf-8") for f in (path, adapted / name))
            diff = difflib.ndiff(before.splitlines(), after.splitlines())
            if lines := [line for line in diff if line[0] in "+-"]:
                changed[name] = len(lines)
    assert set(changed) == {Path("pipeline", "data.py"), Path("train.py")}
    assert sum(changed.values()) <= 25


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
