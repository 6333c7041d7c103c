"""What README and the workflows tell to run exists; README's figures are the measured ones."""

import json
import re
import runpy
import sys
from pathlib import Path

import pytest

from pipeline import limits

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
RESULTS = (ROOT / "RESULTS.md").read_text("utf-8")
CI = "".join(p.read_text("utf-8") for p in ROOT.glob(".github/**/*.yml"))
CI += (ROOT / ".ci" / "run").read_text("utf-8")
COMMAND = r"python (-m )?(\w+(?:\.\w+)*)((?: --[\w-]+(?:[ =][^\s`|;)-]+)?)*)"
COMMANDS = sorted(set(re.findall(COMMAND, README + RESULTS + CI)))


@pytest.mark.parametrize(("is_module", "name", "options"), COMMANDS)
def test_command_exists_and_takes_its_options(
    is_module, name, options, monkeypatch, capsys
):
    path = ROOT / (name.replace(".", "/") + ".py" if is_module else name)
    assert path.is_file() or name == "experiments"  # of which README names the folder
    if not options:
        return
    options = re.sub(r'"\$\w+"|FOLDER|\bN\b', "2", options).split()
    monkeypatch.setattr(sys, "argv", [name, *options, "--help"])
    with pytest.raises(SystemExit, match="^0$"):
        runpy.run_path(str(path), run_name="__main__")
    known = set(re.findall(r"--[\w-]+", capsys.readouterr().out))
    assert {option.partition("=")[0] for option in options if option[0] == "-"} <= known


def test_every_shell_command_of_readme_is_run_by_ci():
    first, *others = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    assert "README.md" in CI  # from which .ci/run takes the first block
    install = "pip install -r requirements.txt"
    assert first.startswith(f"{install} && python train.py && pytest\n")
    for line in "".join(others).splitlines():
        for command in line.partition("#")[0].split(" && "):
            assert command.strip() in CI


def test_files_that_readme_and_ci_name_exist():
    names = re.findall(r"\]\(([\w./-]+)\)", README) + re.findall(r"[\w/]+\.py\b", CI)
    assert len(names) > 20
    for name in names:
        if not name.startswith("../"):  # of the badge, on GitHub
            assert (ROOT / name).exists(), name


def test_figures_of_the_first_screen_are_those_of_the_limits():
    figures = json.loads(limits.FILE.read_text("utf-8"))["mnist"]["figures"]
    accuracy, parameters = figures["accuracy"], figures["parameters"]["mean"]
    assert f"| {parameters:,.0f} | " in README
    assert f"worst of {accuracy['n']} seeds" in README
    assert f"**{accuracy['mean']:.2f} %**, {accuracy['worst']:.2f} %" in README
