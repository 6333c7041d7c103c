"""README's Python commands exist, CI runs its bash blocks, and its figures were measured."""

import json
import re
import runpy
import sys

import pytest
from samples import README, ROOT, own_results

from model import SimpleCNN
from pipeline import gate

CI = (ROOT / ".ci" / "run").read_text("utf-8")
for file in ROOT.glob(".github/**/*.yml"):
    CI += file.read_text("utf-8")
TEXTS = README + CI + (ROOT / "RESULTS.md").read_text("utf-8")
COMMAND = r"python\s(-m\s)?([\w.]+)((?:\s--[\w-]+(?:[ =][^\s`|;)-]+)?)*)"
COMMANDS = sorted(set(re.findall(COMMAND, TEXTS)))


@pytest.mark.parametrize("command", COMMANDS)
def test_command_exists_and_has_its_options(command, monkeypatch, capsys):
    is_module, name, options = command
    path = ROOT / (name.replace(".", "/") + ".py" if is_module else name)
    assert path.is_file()
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    if options:
        with pytest.raises(SystemExit, match="^0$"):
            runpy.run_path(str(path), run_name="__main__")
        known = capsys.readouterr().out
        assert all(f"{option} " in known for option in re.findall(r"--[\w-]+", options))


def test_ci_runs_each_bash_block():
    first, *others = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    assert "README.md" in CI  # .ci/run executes the first block
    assert first.startswith("pip install -r requirements.txt && python train.py")
    for line in "".join(others).splitlines():
        for command in line.partition("#")[0].split(" && "):
            assert command.strip() in CI


def test_linked_files_exist():
    names = re.findall(r"\]\((?!\.\./)([\w./-]+)\)", README)
    assert len(names) > 20
    assert [name for name in names if not (ROOT / name).exists()] == []


@own_results
def test_figures_of_the_first_screen_are_measured():
    accuracy = json.loads(gate.LIMITS_FILE.read_text("utf-8"))["mnist"]["accuracy"]
    parameters = sum(parameter.numel() for parameter in SimpleCNN().parameters())
    assert f"| {parameters:,} | " in README
    figures = f"**{accuracy['mean']:.2f} %** mean, {accuracy['worst']:.2f} % worst"
    assert f"{figures} of {accuracy['n']} seeds" in README
