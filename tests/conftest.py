"""What holds for every test: no setting of the person's own shell and no data of theirs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.parlant_server.fixtures import (
    parlant_process,
    parlant_rest,
    parlant_thread,
    parlant_url,
)
from tests.support import processes
from tests.wire.server import uri_or_reason, wire_uri

# Here and nowhere else: a fixture that two folders import by name is two, with a server each.
__all__ = [
    "parlant_process",
    "parlant_rest",
    "parlant_thread",
    "parlant_url",
    "uri_or_reason",
    "wire_uri",
]


def pytest_configure(config: pytest.Config) -> None:
    """Before any test is imported, as libraries read their settings when they are."""
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        return  # the tests run in processes that this one starts, and each gets here itself
    home = Path(tempfile.mkdtemp(prefix="otto-tests-home-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    processes.settle(home)
