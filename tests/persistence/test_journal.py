"""What a program mirrors while its database is away: noted, put back, and recorded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile.errors import SettingsError
from otto_reconcile.outbox import FILE
from otto_reconcile.outbox.table import EntryTable
from otto_reconcile.persistence import DomainPersistence, attach, persist_bot_creation
from otto_reconcile.persistence.writes import KIND
from tests.persistence.conftest import Body
from tests.persistence.test_restoring import get

AWAY = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100"
GREET = {"guideline_id": "gXy1", "condition": "The customer greets", "action": "Greet back"}


async def noted(folder: Path) -> DomainPersistence:
    """A persistence whose database is away, with a bot that was mirrored meanwhile."""
    persistence = DomainPersistence(AWAY, journal=folder)
    saved = await persist_bot_creation(persistence, "aXy1", "Hexon", "Tracks", guidelines=[GREET])
    assert saved is False
    assert f"it is noted in {folder}" in str(persistence.problem)
    return persistence


async def test_what_was_noted_is_recorded_by_the_next_process(
    mongodb: str, database: str, tmp_path: Path
) -> None:
    folder = tmp_path / "journal"
    await (await noted(folder)).close()
    persistence = DomainPersistence(mongodb, database, journal=folder)
    (bot,) = await persistence.list_bots()
    assert (bot["bot_id"], bot["name"]) == ("aXy1", "Hexon")
    assert [row["guideline_id"] for row in await persistence.list_guidelines("aXy1")] == ["gXy1"]
    assert EntryTable(folder / FILE).rows() == []
    await persistence.close()
    again = DomainPersistence(mongodb, database, journal=folder)
    assert len(await again.list_bots()) == 1
    (event,) = again.stores.desired.history("aXy1")
    assert event.source.kind == KIND
    await again.close()


async def test_without_a_folder_nothing_is_noted(tmp_path: Path) -> None:
    persistence = DomainPersistence(AWAY)
    assert await persist_bot_creation(persistence, "aXy1", "Hexon") is False
    assert "noted" not in str(persistence.problem)
    await persistence.close()
    (tmp_path / "file").touch()
    persistence = DomainPersistence(AWAY, journal=tmp_path / "file")
    assert await persist_bot_creation(persistence, "aXy1", "Hexon") is False
    assert "journal: " in str(persistence.problem)
    await persistence.close()
    with pytest.raises(SettingsError, match="journal: "):
        DomainPersistence(AWAY, journal=7)  # type: ignore[arg-type]


@pytest.mark.timeout(240)
async def test_server_gets_back_what_was_noted_without_its_database(
    body: Body, mongodb: str, database: str, tmp_path: Path
) -> None:
    away = await noted(tmp_path)
    async with body() as (server, http):
        attachment = await attach(server, persistence=away)
        assert [agent["id"] for agent in await get(http, "/agents")] == ["aXy1"]
        assert [one["id"] for one in await get(http, "/guidelines")] == ["gXy1"]
        await attachment.stop()
    await away.close()

    back = DomainPersistence(mongodb, database, journal=tmp_path)
    async with body() as (server, http):
        attachment = await attach(server, persistence=back)
        assert [agent["id"] for agent in await get(http, "/agents")] == ["aXy1"]
        assert len(back.stores.desired.history("aXy1")) == 1
        assert attachment.status.bots["aXy1"].sync == "Synced"
        await attachment.stop()
    await back.close()
