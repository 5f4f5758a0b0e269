"""Whose a target is, and what on it is ours. On a target in memory that several daemons reach."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from otto_reconcile.desired import Source
from otto_reconcile.loop import Loop
from otto_reconcile.model import Ref, Snapshot, make
from otto_reconcile.reconcile.managing import TTL
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.records.applied import Applied, Epoch
from tests.reconcile.fakes import Setting, bot

AGENT, GREET = Ref("agent", "desk"), Ref("guideline", "desk.greet")


def beside(first: Setting, url: str = "fake", **options: Any) -> Setting:
    """Another daemon, on a store of its own, that reaches the same server, by this URL."""
    other = Setting(**options)
    other.port.held, other.port.canaries = first.port.held, first.port.canaries
    other.port.tag_ids, other.port.target = first.port.tag_ids, url
    other.reporter.board.status.target.state = "Unknown"
    other.loop = other.another("other")
    return other


async def two_daemons() -> tuple[Setting, Setting]:
    """The first has its bot on the server when the second, with another bot, comes to it."""
    first = Setting()
    first.want(bot("desk"))
    await first.loop.restore()
    second = beside(first)
    second.want(bot("depot"))
    await second.loop.restore()
    return first, second


async def beat(loop: Loop) -> None:
    await loop._leadership.lead()
    await loop._leadership.manage()


async def test_of_two_daemons_with_stores_of_their_own_one_acts() -> None:
    first, second = await two_daemons()
    assert first.agents() == {"desk"}
    await beat(first.loop)
    await beat(second.loop)  # it has seen the other one live, and shows itself
    await beat(first.loop)
    target = second.reporter.board.status.target
    assert target.state == "Waiting"
    assert "manages this server" in (target.message or "")
    assert first.reporter.board.status.rivals
    assert any("waits to manage" in event for event, _ in first.heard.warnings)
    await second.loop._leadership.resign()
    await beat(first.loop)
    assert not first.reporter.board.status.rivals


async def test_a_manager_that_was_killed_is_succeeded_and_stays_so() -> None:
    first, second = await two_daemons()
    second.clock.ahead = TTL + 1.0  # without a beat of the first one
    await second.loop.restore()
    assert second.loop._session.leading
    assert second.agents() == {"desk", "depot"}
    await beat(first.loop)  # it was only stopped, and goes on
    assert not first.loop._session.leading
    assert first.reporter.board.status.target.state == "Waiting"


async def test_marks_that_a_killed_process_left_twice_are_dead_too() -> None:
    first = Setting()
    first.want(bot("desk"))
    await asyncio.gather(first.loop.restore(), first.loop._leadership.manage())
    marks = [name for name in first.port.canaries if name.startswith("otto-manager-")]
    assert len(marks) == 1
    await first.port.put_mark(f"{marks[0]}9")  # as of a call whose answer was lost
    second = beside(first)
    await second.loop.restore()
    for _ in range(4):
        second.clock.ahead += TTL / 3
        await beat(second.loop)
    assert second.loop._session.leading
    await second.port.put_mark(next(n for n in second.port.canaries if "manager" in n) + "9")
    await beat(second.loop)
    assert sum(name.startswith("otto-manager-") for name in second.port.canaries) == 1


async def test_the_killed_leader_of_our_store_has_no_other_store() -> None:
    first = Setting()
    first.want(bot("desk"))
    await first.loop.restore()
    second = beside(first)
    second.stores = first.stores
    second.loop = second.another("other")
    for _ in range(3):
        await beat(second.loop)
        await beat(first.loop)
    await first.loop._session.leader.resign()
    await beat(second.loop)
    told = second.reporter.board.status.target.message or ""
    assert "manages this server" in told
    assert "another store" not in told
    assert not [name for name in first.port.canaries if name.startswith("otto-waiter")]


async def test_a_server_under_another_url_is_the_target_that_it_was() -> None:
    first = Setting()
    first.want(bot("desk"))
    await first.loop.restore()
    second = beside(first, "http://localhost")
    second.stores = first.stores
    second.loop = second.another("other")
    await second.loop.restore()
    assert second.port.target == "fake"
    assert second.reporter.board.status.target_id == "fake"
    assert "leads this target" in (second.reporter.board.status.target.message or "")
    await first.loop._leadership.resign()
    await second.loop.restore()
    await second.loop.reconcile_now("desk")
    assert second.reporter.board.status.bots["desk"].sync is Sync.SYNCED
    assert set(first.stores.applied.epochs()) == {"fake"}
    assert second.reporter.board.status.restore is None


async def test_a_target_of_an_older_version_goes_on_as_it_was() -> None:
    setting = Setting(interval=3600.0)
    epoch = Epoch("otto-canary-old", datetime(2026, 1, 1, tzinfo=UTC))
    setting.stores.applied.begin_epoch("fake", epoch)
    wanted = bot("desk")
    setting.want(wanted)
    agent = make("agent", "desk", "desk", {"name": "Desk"})
    old = Applied("desk", 0, "an epoch before", Snapshot([agent]))  # it was never whole
    setting.stores.applied.save("fake", [old])
    setting.port.held[AGENT] = replace(agent, spec={"name": "Renamed"})
    setting.port.canaries.add(epoch.name)
    await setting.loop.restore()
    await setting.loop.reconcile_now("desk")
    assert setting.port.held[AGENT].spec["name"] == "Desk"


async def test_foreign_agent_is_left_until_it_is_taken_over_by_name() -> None:
    setting = Setting()
    setting.port.held[AGENT] = make("agent", "desk", "desk", {"name": "Theirs"})
    setting.want(bot("desk"), bot("depot"))
    await setting.loop.restore()
    await setting.loop.reconcile_now("desk")  # still so once it is on record
    assert set(setting.port.held) & {AGENT, GREET} == {AGENT}
    assert setting.port.held[AGENT].spec == {"name": "Theirs"}
    status = setting.reporter.board.status.bots["desk"]
    assert (status.sync, status.health) == (Sync.OUT_OF_SYNC, Health.DEGRADED)
    assert "`run --take-over desk` makes it ours" in (status.message or "")
    assert setting.reporter.board.status.bots["depot"].sync is Sync.SYNCED
    await setting.loop._leadership.resign()
    setting.options["take_over"] = frozenset({"desk"})
    setting.loop = setting.another()
    await setting.loop.restore()
    await setting.loop.reconcile_now("desk")
    assert setting.port.held[AGENT].spec["name"] == "Desk"
    assert setting.reporter.board.status.bots["desk"].sync is Sync.SYNCED
    await setting.loop._leadership.resign()
    setting.options["take_over"] = frozenset()
    setting.loop = setting.another()
    setting.port.held[AGENT] = make("agent", "desk", "desk", {"name": "Drifted"})
    await setting.loop.restore()
    await setting.loop.reconcile_now("desk")
    assert setting.port.held[AGENT].spec["name"] == "Desk"  # it stays ours


async def test_a_part_that_was_never_ours_holds_up_no_other() -> None:
    setting = Setting()
    setting.port.held[GREET] = make("guideline", "desk.greet", "desk", {"condition": "Theirs"})
    setting.want(bot("desk"))
    await setting.loop.restore()
    await setting.loop.reconcile_now("desk")
    assert AGENT in setting.port.held
    assert setting.port.held[GREET].spec["condition"] == "Theirs"
    assert "update guideline desk.greet: it is on the server" in (
        setting.reporter.board.status.bots["desk"].message or ""
    )
    setting.want(bot("desk", guidelines=[]))
    await setting.loop.reconcile_now("desk")
    assert GREET in setting.port.held


async def test_another_server_behind_the_url_keeps_what_it_has() -> None:
    setting = Setting()
    setting.want(bot("desk"), bot("depot"))
    await setting.loop.restore()
    setting.port.restart()
    for name in ("desk", "depot"):  # of these ids, and never ours
        setting.port.held[Ref("agent", name)] = make("agent", name, name, {"name": "Theirs"})
    assert await setting.loop._prober.probe()
    setting.stores.desired.delete("depot", actor="tests", source=Source(kind="cli"))
    for _ in range(2):
        for name in ("desk", "depot"):
            await setting.loop.reconcile_now(name)
    assert {r.spec["name"] for r in setting.port.held.values()} == {"Theirs"}
    assert setting.agents() == {"desk", "depot"}
    assert "--take-over desk" in (setting.reporter.board.status.bots["desk"].message or "")


async def test_what_was_begun_before_a_crash_is_ours() -> None:
    setting = Setting()
    setting.want(bot("depot"))
    await setting.loop.restore()
    epoch = setting.stores.applied.epoch("fake")
    assert epoch is not None
    intent = Applied("desk", 0, "", claims=frozenset({AGENT}), begun=epoch.name)
    setting.stores.applied.save("fake", [intent])
    setting.port.held[AGENT] = make("agent", "desk", "desk", {"name": "Half made"})
    setting.want(bot("desk"))
    await setting.loop._leadership.resign()
    setting.loop = setting.another()
    await setting.loop.restore()
    await setting.loop.reconcile_now("desk")
    assert setting.port.held[AGENT].spec["name"] == "Desk"


async def test_a_server_that_comes_back_has_one_canary_of_ours() -> None:
    setting = Setting()
    setting.want(bot("desk"))
    await setting.loop.restore()
    setting.port.canaries.add("otto-canary-theirs")
    held, canaries = setting.port.held, setting.port.canaries
    (ours,) = canaries_of(setting) - {"otto-canary-theirs"}
    setting.port.held, setting.port.canaries = {}, set()
    await setting.loop.restore()  # another server answers for a while
    assert len(canaries_of(setting)) == 1
    setting.port.held, setting.port.canaries = held, canaries
    await setting.loop.restore()
    assert len(canaries_of(setting)) == 2
    assert "otto-canary-theirs" in canaries
    assert ours not in canaries


def canaries_of(setting: Setting) -> set[str]:
    return {name for name in setting.port.canaries if name.startswith("otto-canary-")}


async def test_a_beat_in_the_middle_of_a_restore_stops_nothing() -> None:
    """The server that began anew has lost our mark; while it is set, nobody may act."""
    setting = Setting()
    setting.want(bot("desk"))
    await setting.loop.restore()
    create, put_mark, beats = setting.port.create, setting.port.put_mark, []

    async def turns(count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    async def slow_mark(name: str) -> None:
        await turns(500)
        await put_mark(name)

    async def beaten(*arguments: Any, **options: Any) -> Any:
        if not beats:
            beats.append(asyncio.create_task(setting.loop._leadership.manage()))
        await turns(50)
        return await create(*arguments, **options)

    setting.port.create = beaten  # type: ignore[method-assign]
    setting.port.put_mark = slow_mark  # type: ignore[method-assign]
    setting.port.restart()
    await setting.loop._prober.probe()
    await beats[0]
    restore = setting.reporter.board.status.restore
    assert restore is not None
    assert restore["restored"] == 1
    assert GREET in setting.port.held
