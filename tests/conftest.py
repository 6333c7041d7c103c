"""What takes minutes or a browser is run where -m names it; how tests call a script."""

import sys

import pytest

NAMED_ALONE = ("slow", "browser")


def pytest_collection_modifyitems(config, items):
    """Deselect the tests with those marks that the option -m does not name."""
    hidden = [mark for mark in NAMED_ALONE if mark not in config.option.markexpr]
    left_out = [item for item in items if any(map(item.get_closest_marker, hidden))]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def call(monkeypatch):
    """Function that calls the main function of a script with arguments."""

    def call(script, *arguments):
        monkeypatch.setattr(sys, "argv", [script.__name__, *arguments])
        script.main()

    return call
