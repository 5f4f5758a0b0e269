"""Every field of every collection of ours, damaged in every way: it concerns its own bot alone.

The damage is done to the file itself, as another program or a bad disk would: no store writes such
documents. Then a new process restores a server that has lost everything.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.model import Ref, Term
from otto_reconcile.model.shared import Glossary, UsedBy
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.status import Health, StatusBoard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.applied import AppliedSets
from otto_reconcile.records.audit import Audit
from otto_reconcile.records.leases import Leases
from otto_reconcile.store.sqlite import SQLiteStore
from tests.reconcile.fakes import Setting, bot
from tests.reconcile.test_loop import running, until
from tests.support.damage import DOCUMENTS, VALUES, damage
from tests.support.examples import examples

CLI = Source("cli")


def kept(setting: Setting, store: SQLiteStore) -> Stores:
    leases = Leases(store, monotonic=setting.clock.monotonic)
    return Stores(store, DesiredState(store), AppliedSets(store), Audit(store), leases)


class Restored(Setting):
    """A setting over a store in a file; `again` is another process on it."""

    def __init__(self, kept: bytes, folder: Path) -> None:
        super().__init__(speed=200.0)
        self.file = folder / "otto.db"
        self.file.write_bytes(kept)
        self.again()

    def again(self) -> None:
        self.store = SQLiteStore(self.file)
        self.stores = kept(self, self.store)
        self.reporter = Reporter(StatusBoard(None), self.clock, self.heard)
        self.loop = self.another()


@asynccontextmanager
async def in_step(setting: Setting) -> AsyncIterator[None]:
    """It runs, and has put both bots on its server."""
    async with running(setting):
        await until(lambda: is_healthy(setting, "desk") and is_healthy(setting, "shop"))
        yield


async def prepared(folder: Path) -> None:
    setting = Restored(b"", folder)
    setting.want(bot("desk"), bot("shop"))
    glossary = Glossary(
        id="house", terms=[Term(id="rma", name="RMA", description="A number")],
        used_by=UsedBy(bots=["desk"]),
    )  # fmt: skip
    setting.stores.desired.put(glossary, source=CLI, actor="tests")
    async with in_step(setting):
        pass
    setting.store.close()


def is_healthy(setting: Setting, bot_id: str) -> bool:
    bots = setting.reporter.board.status.bots
    return bot_id in bots and bots[bot_id].health is Health.HEALTHY


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store of two bots that were put on a server."""
    file = tmp_path_factory.mktemp("kept") / "otto.db"
    asyncio.run(prepared(file.parent))
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return file.read_bytes()


FIELDS = {
    "events": "event_id schema bot_id revision type bot digest source actor time source.kind "
    "source.path source.note bot.id bot.name bot.guidelines bot.annotations",
    "heads": "bot_id revision pending event_id deleted rows",
    "actions": "action_id run_id target bot_id kind key operation cause changes revision started "
    "duration outcome error",
    "applied": "target bot_id revision epoch resources claims begun foreign token",
    "epochs": "target name started continues watched former",
    "leases": "target holder token expires beat",
}

REPORTED = [
    *((name, "bot_id", "half a character") for name in ("heads", "applied")),
    ("leases", "beat", "half a character"),
    *((*of, "a number of 401 digits") for of in (("heads", "pending"), ("leases", "token"))),
    *((*of, "before the calendar") for of in (("events", "time"), ("epochs", "started"))),
    ("events", "revision", "an endless number"),
    ("heads", "bot_id", "another text"),
    ("epochs", "target", "another text"),
    *(("applied", name, "an object") for name in ("claims", "resources", "token")),
]
"""What once stopped all bots: tried every time."""


def damages() -> list[tuple[str, str | None, str]]:
    """All that was reported, and a sample of the rest: all of it with many more examples."""
    every: list[tuple[str, str | None, str]] = [
        *(
            (name, field, what)
            for name in FIELDS
            for field in FIELDS[name].split()
            for what in VALUES
        ),
        *((name, None, what) for name in FIELDS for what in DOCUMENTS),
    ]
    some = random.Random(1).sample(every, min(len(every), examples(120)))
    return sorted({*REPORTED, *some}, key=repr)


@pytest.mark.parametrize(("name", "field", "what"), damages())
async def test_the_other_bot_is_kept_and_restored(
    whole: bytes, tmp_path: Path, name: str, field: str | None, what: str
) -> None:
    setting = Restored(whole, tmp_path)
    async with in_step(setting):
        damage(setting.file, name, field, what)
        setting.want(bot("shop", description="Sells"))
        await until(lambda: described(setting) == "Sells")
        if (field, what) != ("deleted", "a truth"):
            assert setting.agents() == {"desk", "shop"}
            assert Ref("term", "desk.rma") in setting.port.held
    setting.store.close()
    setting.again()
    setting.port.restart()
    async with running(setting):
        await until(lambda: described(setting) == "Sells" and is_healthy(setting, "shop"))
    assert failed_jobs(setting) == []
    look_into(setting.stores)
    setting.store.close()


def described(setting: Setting) -> object:
    agent = setting.port.held.get(Ref("agent", "shop"))
    return agent.spec.get("description") if agent is not None else None


def failed_jobs(setting: Setting) -> list[object]:
    return [fields for event, fields in setting.heard.warnings if event == "background job failed"]


def look_into(stores: Stores) -> None:
    """Nothing that a command asks for is stopped either."""
    for bot_id in ("desk", "shop"):
        stores.desired.history(bot_id)
        stores.audit.find(bot_id=bot_id)
        stores.audit.last_change(bot_id, "fake")
    assert [event.bot_id for event in stores.desired.history("shop", limit=1)] == ["shop"]


async def test_a_revision_that_is_damaged_while_it_runs_is_shown(
    whole: bytes, tmp_path: Path
) -> None:
    setting = Restored(whole, tmp_path)
    async with in_step(setting):
        damage(setting.file, "events", "bot", "nothing")
        bots = setting.reporter.board.status.bots
        await until(lambda: bots["desk"].health is Health.DEGRADED)
        assert "its desired state cannot be read" in (bots["desk"].message or "")
        assert (setting.agents(), is_healthy(setting, "shop")) == ({"desk", "shop"}, True)
    setting.store.close()


async def test_what_is_of_a_shared_document_that_nobody_can_read_stays(
    whole: bytes, tmp_path: Path
) -> None:
    setting, term = Restored(whole, tmp_path), Ref("term", "desk.rma")
    async with in_step(setting):
        assert term in setting.port.held
        where = {"bot_id": "glossary/house"}
        assert setting.store.swap("events", where, {"shared": 5})
        status = setting.reporter.board.status
        await until(lambda: any("glossary/house: " in one for one in status.warnings))
        setting.want(bot("desk", description="Helps", guidelines=[]))
        agent = Ref("agent", "desk")
        await until(lambda: setting.port.held[agent].spec.get("description") == "Helps")
        assert term in setting.port.held
        await until(lambda: "cannot be read" in (status.bots["desk"].message or ""))
        setting.stores.desired.delete("glossary/house", source=CLI, actor="tests")
        await until(lambda: term not in setting.port.held and is_healthy(setting, "desk"))
    setting.store.close()
