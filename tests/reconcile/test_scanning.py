"""What is deleted of what reaches every agent, and what never is. On a target in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from otto_reconcile.errors import StoreUnavailable, TargetRefused
from otto_reconcile.model import Ref
from otto_reconcile.port.reaching import Reaching
from otto_reconcile.reconcile.scanning import AT_LEAST, PRUNE_AFTER
from tests.reconcile.fakes import Setting, bot
from tests.reconcile.test_loop import running, until

ALL = Reaching("guideline", "all.g", "For everybody")


async def ready(*found: Reaching, prune: bool = True) -> Setting:
    setting = Setting(prune_unmanaged=prune)
    setting.want(bot("desk", tags=["vip"]))
    await setting.loop.restore()
    await look(setting)
    setting.port.reached = list(found)
    return setting


async def look(setting: Setting, after: float = AT_LEAST) -> None:
    setting.clock.ahead += after
    await setting.loop._leadership.lead()  # the clock has gone on for its lease too
    await setting.loop._leadership.manage()
    await setting.loop._scanning.look()


def left(setting: Setting) -> set[str]:
    return {one.id for one in setting.port.reached}


async def test_what_is_still_there_is_deleted_and_on_record() -> None:
    setting = await ready(ALL)
    await look(setting)
    assert left(setting) == {"all.g"}  # perhaps somebody is not done with it
    assert len(setting.reporter.board.status.reaching) == 1
    await look(setting, PRUNE_AFTER)
    assert left(setting) == set()
    assert setting.reporter.board.status.reaching == ()
    (record,) = setting.stores.audit.find(bot_id="")
    assert (record.kind, record.key, record.operation) == ("guideline", "all.g", "delete")
    assert (record.cause, record.outcome) == ("Unmanaged", "succeeded")
    assert setting.agents() == {"desk"}


async def test_without_the_request_it_is_only_reported() -> None:
    setting = await ready(ALL, prune=False)
    for _ in range(3):
        await look(setting)
    assert left(setting) == {"all.g"}
    assert len(setting.reporter.board.status.reaching) == 1


async def test_what_is_ours_or_of_others_is_never_deleted() -> None:
    ours = Reaching("guideline", "desk.greet", "It lost its tag")
    others = Reaching("term", "word", "w", "x", ("stranger",))
    unsure = Reaching("guideline", "step", "Of a journey, perhaps", sure=False)
    shared = Reaching("term", "shared", "s", "vip", ("desk", "stranger"))
    setting = await ready(ours, others, unsure, shared)
    for _ in range(3):
        await look(setting)
    assert left(setting) == {"desk.greet", "word", "step"}
    told = setting.reporter.board.status.reaching
    assert [one.split()[1] for one in told] == ["step"]


async def test_what_was_declared_meanwhile_is_left_alone() -> None:
    setting = await ready(Reaching("guideline", "later.greet", "c"))
    await look(setting)
    setting.want(bot("later"))
    await look(setting, PRUNE_AFTER)
    assert left(setting) == {"later.greet"}
    assert setting.stores.audit.find(bot_id="") == []


async def test_nothing_is_deleted_without_lease_or_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = await ready(ALL)
    await look(setting)
    with monkeypatch.context() as patch:
        patch.setattr(setting.stores.audit, "intend", unavailable)
        await look(setting)
    assert left(setting) == {"all.g"}
    setting.clock.ahead += 60.0
    await setting.loop._scanning.look()  # its lease has run out meanwhile
    assert left(setting) == {"all.g"}
    assert setting.stores.audit.find(bot_id="") == []


def unavailable(records: object) -> None:
    raise StoreUnavailable("away")


async def test_a_new_life_begins_the_waiting_anew() -> None:
    setting = await ready(ALL)
    await look(setting)
    setting.port.restart()
    await setting.loop._prober.probe()
    await look(setting)
    assert left(setting) == {"all.g"}
    await look(setting)
    assert left(setting) == set()
    assert Ref("guideline", "desk.greet") in setting.port.held


async def test_a_refusal_is_on_record_and_waits_longer_each_time() -> None:
    setting = await ready(ALL)

    def refuse() -> None:
        raise TargetRefused("no", status=422)

    setting.port.before_call = refuse
    for _ in range(20):
        await look(setting)
    records = setting.stores.audit.find(bot_id="")
    assert {record.outcome for record in records} == {"failed"}
    assert 2 <= len(records) <= 4
    assert setting.reporter.board.status.reaching != ()


async def test_what_is_changed_during_a_look_is_looked_for_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = await ready(prune=False)
    reaching, scanning = setting.port.reaching, setting.loop._scanning

    async def listed_just_before(among: object) -> list[Reaching]:
        found = await reaching()
        setting.port.reached = [ALL]
        scanning.soon(ALL.ref)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(setting.port, "reaching", listed_just_before)
        await look(setting)
    assert setting.reporter.board.status.reaching == ()
    await look(setting, AT_LEAST - 1)
    assert len(setting.reporter.board.status.reaching) == 1


async def test_notice_after_a_look_that_took_long_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = Setting(interval=600.0)
    listed = setting.port.reaching

    async def slowly(among: object) -> Sequence[Reaching]:
        await asyncio.sleep(0.05)
        return await listed()

    monkeypatch.setattr(setting.port, "reaching", slowly)
    setting.want(bot("desk"))
    async with running(setting):
        await until(lambda: setting.agents() == {"desk"})
        turn = setting.loop._session.turn
        async with turn:  # the first look of all comes later
            setting.port.reached = [ALL]
            setting.stir(None, "guideline")
        await until(lambda: len(setting.reporter.board.status.reaching) == 1)
        for count in (2, 3):  # the budget of server time delays it, and does not drop it
            setting.port.reached = [*setting.port.reached, replace(ALL, id=f"g{count}")]
            setting.stir(None, "guideline")
            await until(partial(_reports, setting, count))


def _reports(setting: Setting, count: int) -> bool:
    return len(setting.reporter.board.status.reaching) == count
