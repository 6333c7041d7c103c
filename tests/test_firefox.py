"""The page in Firefox, where Debian's is installed."""

import json
import shutil
import subprocess

import pytest
from PIL import Image

from pipeline.synthetic import read_skeletons

DRAW_ALL = """
let right = 0;
for (const [digit, strokes] of Object.entries(%s)) {
  clear();
  for (const stroke of strokes) {
    const path = stroke.map(point => point.map(v => 112 + 37 * v));
    path.reduce((from, to) => { draw(from, to); return to; });
  }
  answer();
  right += guess.textContent === digit;
}
document.body.style.background = `rgb(${right}, 0, 0)`;
"""

pytest_plugins = ["browser"]
pytestmark = pytest.mark.browser


def test_firefox_reads_the_same_digits(page, tmp_path):
    if not shutil.which("firefox-esr"):
        pytest.skip("needs Debian's firefox-esr")
    digits = {d: next(iter(kinds.values())) for d, kinds in read_skeletons().items()}
    (tmp_path / "draws.js").write_text(DRAW_ALL % json.dumps(digits), "utf-8")
    with (tmp_path / "index.html").open("a", encoding="utf-8") as file:
        file.write('<script src="draws.js"></script>')
    options = "--profile", tmp_path, "--screenshot", tmp_path / "seen.png"
    address = (tmp_path / "index.html").as_uri()
    command = ["firefox-esr", "--headless", *options, address]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.getpixel((0, 0))[:3] == (10, 0, 0)
