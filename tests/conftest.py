"""What holds for every test: no setting of the person's own shell and no data of theirs."""

from __future__ import annotations

import shutil
import subprocess
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
from tests.wire.server import ferret_uri, wire_uri

# Here and nowhere else: a fixture that two folders import by name is two, with a server each.
__all__ = [
    "ferret_uri",
    "parlant_process",
    "parlant_rest",
    "parlant_thread",
    "parlant_url",
    "wire_uri",
]


def pytest_configure(config: pytest.Config) -> None:
    """Before any test is imported, as libraries read their settings when they are."""
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        return  # the tests run in processes that this one starts, and each gets here itself
    home = Path(tempfile.mkdtemp(prefix="otto-tests-home-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    processes.settle(home)


UNIT = {
    "desired", "diff", "manifest", "outbox", "reconcile", "render", "scenarios", "sources",
    "specification", "store", "test_kinds.py",
}  # fmt: skip
"""What is logic alone: `make test-unit` runs it. A test there that needs a process
or a server is marked `process`."""


LONG_FIRST = ("otto", "e2e", "persistence", "scripted", "evaluations", "readme", "cli", "server")
"""Folders whose files take longest: begun first, so that no process is left alone with one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_unit(item):
            item.add_marker(pytest.mark.unit)
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = _folder(item)
    return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


def is_unit(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    on_a_server = callspec is not None and {"wire", "ferret"} & set(
        map(str, callspec.params.values())
    )
    return _folder(item) in UNIT and not on_a_server and item.get_closest_marker("process") is None


@pytest.fixture(autouse=True)
def _no_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit test that starts a process fails: it would be slow, and is in the wrong tier."""
    if request.node.get_closest_marker("unit") is None:
        return

    import croniter  # noqa: F401  (its import runs the program `file`)

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a unit test starts a process: mark it `process`")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
