"""What earlier versions left, opened by this one: the same bots, and nothing is written for it."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from otto_reconcile import manifest
from otto_reconcile.desired import DesiredState
from otto_reconcile.records.applied import AppliedSets
from otto_reconcile.records.audit import Audit
from otto_reconcile.store.base import Store
from otto_reconcile.store.collections import COLLECTIONS
from otto_reconcile.store.mongo import MongoStore
from otto_reconcile.store.sqlite import SQLiteStore
from tests.e2e.harness import Daemon, Place, wait_for

DATA = Path(__file__).parent / "data"
VERSIONS = sorted(path.name for path in DATA.iterdir())
DATABASE = "otto_test_upgrade"
WAITING = "waiting"
"""The bot in the outbox."""
AWAY = {"anew", "desk", "twin"}
"""Bots with tools of a service that is not there."""


@pytest.fixture(params=VERSIONS)
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A working folder with the data directory of an earlier version."""
    made, folder = DATA / str(request.param), tmp_path / ".otto"
    folder.mkdir(mode=0o700)
    for path in made.iterdir():
        if path.suffix not in (".sql", ".yaml"):
            shutil.copy(path, folder)
    for path in made.glob("*.sql"):
        with closing(sqlite3.connect((folder / path.name).with_suffix(".db"))) as database:
            database.executescript(path.read_text("utf-8"))
    shutil.copy(made / "export.yaml", tmp_path / "expected.yaml")
    return tmp_path


def expected(left: Path) -> str:
    return (left / "expected.yaml").read_text("utf-8")


@pytest.fixture
def store(left: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(left / ".otto" / "otto.db")
    yield opened
    opened.close()


def exported(store: Store) -> str:
    desired = DesiredState(store).read()
    assert {**desired.unreadable, **desired.unreadable_shared} == {}
    bots = [wanted.bot for wanted in desired.bots.values()]
    return manifest.dump([*bots, *(one.document for one in desired.shared.values())])


def counts(store: Store) -> Counter[str]:
    return Counter(event["bot_id"] for event in store.find("events"))


def test_it_has_the_same_bots_and_writes_no_revision(left: Path, store: SQLiteStore) -> None:
    """The digests of rows in heads have another form now: they are renewed, once."""
    before = kept(store)
    assert exported(store) == expected(left)
    for _ in range(2):
        ingested = DesiredState(store).ingest()
        assert (ingested.events, ingested.problems, ingested.vanished) == ((), (), ())
        assert kept(store) == before
    renewed = heads(store)
    DesiredState(store).rebuild()
    assert heads(store) == renewed


def heads(store: SQLiteStore) -> list[dict[str, Any]]:
    """All heads, without the digests of rows that an earlier version did not write whole.

    Versions until 25 November left the canned responses of a journey out of its row.
    """
    short = {j["bot_id"] for j in journeys(store) if j["canned_responses"] is not None}
    return [{**h, "rows": ""} if h["bot_id"] in short else h for h in store.find("heads")]


def journeys(store: SQLiteStore) -> list[dict[str, Any]]:
    """All journeys as they are declared."""
    bots = [wanted.bot for wanted in DesiredState(store).read().bots.values()]
    return [{"bot_id": bot.id, **dict(journey)} for bot in bots for journey in bot.journeys]


def kept(store: SQLiteStore) -> dict[str, Any]:
    """All documents, without the digests of rows."""
    documents = {name: store.find(name) for name in COLLECTIONS}
    documents["heads"] = [{**head, "rows": ""} for head in documents["heads"]]
    for row in documents["journeys"]:
        row.pop("canned_responses", None)  # see `heads`
    return documents


def test_its_records_are_read(store: SQLiteStore) -> None:
    (target,) = AppliedSets(store).epochs()
    applied = AppliedSets(store).load(target)
    assert len(applied) == len(store.find("applied"))
    kinds = {ref.kind for one in applied.values() for ref in one.resources}
    assert kinds >= {
        "agent", "canned_response", "capability", "customer", "guideline", "journey",
        "relationship", "tag", "term", "tool_service", "variable",
    }  # fmt: skip
    assert len(Audit(store).find(limit=1000)) == len(store.find("actions"))
    assert DesiredState(store).history("gone")[0].bot is None
    assert DesiredState(store).get("resting").bot.suspended
    assert DesiredState(store).get("desk").bot.masked


def test_its_projections_are_what_this_version_would_write(store: SQLiteStore) -> None:
    before = kept(store)
    DesiredState(store).rebuild()
    after = kept(store)
    assert sorted(map(str, after.pop("heads"))) == sorted(map(str, before.pop("heads")))
    assert after == before


def test_mongodb_gives_the_same(left: Path, store: SQLiteStore, wire_uri: str) -> None:
    with MongoClient[dict[str, Any]](wire_uri) as client:
        client.drop_database(DATABASE)
        for name in COLLECTIONS:
            if documents := store.find(name):
                client[DATABASE][name].insert_many(documents)
    remote = MongoStore(wire_uri, DATABASE)
    try:
        assert exported(remote) == expected(left)
        before = counts(remote)
        assert DesiredState(remote).ingest().events == ()
        assert counts(remote) == before
    finally:
        remote.close()


def looked_at(daemon: Daemon) -> bool:
    bots = daemon.status["bots"]
    done = {b["bot_id"]: b for b in bots if b["sync"] != "Unknown" and b["health"] != "Progressing"}
    return WAITING in done and len(done) == len(bots)


def test_a_daemon_goes_on_from_there(left: Path, store: SQLiteStore) -> None:
    before, evaluated = counts(store), store.find("evaluations")
    lease = store.find("leases")[0]
    with Place(left).forked("--port", "0", "--nlp", "offline") as daemon:
        wait_for("every bot was looked at", lambda: looked_at(daemon))
        assert daemon.status["lost"] is None
        for one in daemon.status["bots"]:
            if one["health"] != "Suspended" and one["bot_id"] not in AWAY:
                assert (one["sync"], one["health"]) == ("Synced", "Healthy"), one
        assert "another past" not in daemon.output
        assert daemon.signal() == 0
    assert counts(store) == before + Counter({WAITING: 1})
    assert store.find("evaluations") == evaluated
    (after,) = store.find("leases")
    assert (after["target"], after["token"]) == (lease["target"], lease["token"] + 1)
    store.delete("events", {"bot_id": WAITING})
    store.delete("heads", {"bot_id": WAITING})
    assert exported(store) == expected(left)
