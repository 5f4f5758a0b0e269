"""The command over a store of its own, a daemon's status, and a real Parlant server."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.runtime import data_dir
from tests.cli.command import ROOT, Otto, manifest
from tests.cli.desk import Desk
from tests.parlant_server.rest import Rest


@pytest.fixture
def otto(tmp_path: Path) -> Otto:
    """Nothing of the person's own environment reaches it but what processes need."""
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "OTTO_ACTOR": "ann",
    }
    return Otto(tmp_path, environ)


@pytest.fixture
def owned(otto: Otto) -> Iterator[None]:
    """The data directory has a daemon: this process."""
    folder = otto.folder / ".otto"
    data_dir.prepare(folder)
    with data_dir.owned(folder):
        yield


@pytest.fixture
def daemon(otto: Otto, owned: None) -> Callable[..., dict[str, Any]]:
    """Writes the status of a daemon that runs: this process. Gives the document."""

    def announce(*bots: dict[str, Any], **fields: Any) -> dict[str, Any]:
        document = {
            "pid": os.getpid(),
            "started": "2030-01-01T00:00:00+00:00",
            "url": "http://127.0.0.1:9",
            "target_id": "embedded:test",
            "store": {"label": "SQLite .otto/otto.db", "state": "Connected"},
            "target": {"label": "embedded:test", "state": "Connected"},
            "manifests": {},
            "bots": list(bots),
            **fields,
        }
        otto.write(".otto/status.json", json.dumps(document))
        return document

    return announce


@pytest.fixture
async def desk(otto: Otto, parlant_url: str, parlant_rest: Rest) -> Desk:
    """The bot `desk` is wanted, and not on the server yet."""
    made = Desk(otto, parlant_url, parlant_rest)
    await made.apply(manifest())
    return made


@pytest.fixture
async def converged(desk: Desk) -> Desk:
    """The bot `desk` is on the server as it is wanted."""
    await desk.converge()
    return desk
