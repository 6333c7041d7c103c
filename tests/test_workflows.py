"""The workflows' commands exist, and take the options that they are given."""

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = "".join(p.read_text("utf-8") for p in ROOT.glob(".github/workflows/*.yml"))
COMMANDS = re.findall(r"- run: python (-m )?(\S+)((?: --\S+ \S+)*)", TEXT)


@pytest.mark.parametrize(("is_module", "name", "options"), COMMANDS)
def test_command_takes_its_options(is_module, name, options, monkeypatch, capsys):
    path = ROOT / (name.replace(".", "/") + ".py" if is_module else name)
    assert path.is_file()
    if not options:
        return
    options = re.sub(r'"\$\w+"', "2", options).split()
    monkeypatch.setattr(sys, "argv", [name, *options, "--help"])
    with pytest.raises(SystemExit, match="^0$"):
        runpy.run_path(str(path), run_name="__main__")
    known = capsys.readouterr().out.split()
    assert set(options[::2]) <= set(known)


def test_files_named_exist():
    assert len(COMMANDS) >= 4
    for name in re.findall(r"[\w/]+\.py\b", TEXT):
        assert (ROOT / name).is_file()
