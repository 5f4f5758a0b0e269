"""What holds for every test: no setting of the person's own shell and no data of theirs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support import processes


def pytest_configure(config: pytest.Config) -> None:
    """Before any test is imported, as libraries read their settings when they are."""
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        return  # the tests run in processes that this one starts, and each gets here itself
    home = Path(tempfile.mkdtemp(prefix="otto-tests-home-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    processes.settle(home)
