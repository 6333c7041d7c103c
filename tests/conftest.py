"""The fixture with which unit tests call a command."""

import sys

import pytest


@pytest.fixture
def call(monkeypatch):
    """Return a function that calls the main function of a command with arguments."""

    def call(command, *arguments):
        monkeypatch.setattr(sys, "argv", [command.__name__, *arguments])
        return command.main()

    return call
