"""Refuse to start where the report could not be written at the end."""

import tempfile
from pathlib import Path

import pytest


def pytest_configure():
    try:
        Path("report").mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir="report").close()
    except OSError as error:
        raise pytest.UsageError(
            f"report/ cannot be written ({error.strerror}): remove what is in its place"
        ) from None
