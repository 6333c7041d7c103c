"""What takes minutes or a browser is run where -m names it; how tests call a script."""

import os
import sys
import time

import pytest

if hasattr(time, "tzset"):  # a local time that is not UTC, of which names are
    os.environ["TZ"] = "JST-9"
    time.tzset()


def pytest_configure(config):
    """Leave out the tests with those marks that the option -m does not name."""
    asked = config.option.markexpr
    terms = [f"not {mark}" for mark in ("slow", "browser") if mark not in asked]
    config.option.markexpr = " and ".join([f"({asked})"] * bool(asked) + terms)


@pytest.fixture
def call(monkeypatch):
    """Function that calls the main function of a script with arguments."""

    def call(script, *arguments):
        monkeypatch.setattr(sys, "argv", [script.__name__, *arguments])
        script.main()

    return call
