"""What is read of a bot of which somebody touched a part, and what then is known of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from otto_reconcile.model import Guideline, Ref, make
from otto_reconcile.reconcile.rounds import LONGEST_WAIT, Rounds
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.runtime.clock import SystemClock
from tests.reconcile.fakes import Setting, bot
from tests.reconcile.test_loop import running, until

GREET, ASK = Ref("guideline", "desk.greet"), Ref("guideline", "desk.ask")


def desk(**values: Any) -> Any:
    guidelines = [
        Guideline(id="desk.greet", condition="Hello"),
        Guideline(id="desk.ask", condition="Asks"),
    ]
    return bot("desk", **{"guidelines": guidelines, **values})


@pytest.fixture
def setting() -> Setting:
    """Nothing is looked at unless somebody says so."""
    setting = Setting(interval=600.0)
    setting.want(desk())
    return setting


def status(setting: Setting) -> Any:
    return setting.reporter.board.status.bots["desk"]


async def test_only_what_was_touched_is_read_and_healed(setting: Setting) -> None:
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: setting.loop._rounds.seconds is not None)  # the one of the start
        whole = count_whole(setting)
        del setting.port.held[GREET]
        setting.stir("desk", "guideline", "desk.greet")
        await until(lambda: GREET in setting.port.held)
        await until(lambda: len(setting.port.glances) == 2)  # what was made is verified
        assert {parts for _, parts in setting.port.glances} == {frozenset({GREET})}
        assert whole == []
        assert (status(setting).sync, status(setting).health) == (Sync.SYNCED, Health.HEALTHY)


async def test_a_relationship_goes_with_what_it_binds_and_is_read(setting: Setting) -> None:
    pair = {"kind": "priority", "source": "guideline:desk.greet", "target": "guideline:desk.ask"}
    setting.want(desk(relationships=[pair]))
    await setting.loop.restore()
    async with running(setting):
        (bound,) = (ref for ref in setting.port.held if ref.kind == "relationship")
        for gone in (GREET, bound):
            del setting.port.held[gone]
        setting.stir("desk", "guideline", "desk.greet")
        await until(lambda: {GREET, bound} <= setting.port.held.keys())


async def test_a_bot_that_is_not_in_place_is_read_whole(setting: Setting) -> None:
    setting.port.held[GREET] = make("guideline", "desk.greet", "desk", {"condition": "Theirs"})
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: status(setting).sync is Sync.OUT_OF_SYNC)
        whole = count_whole(setting)
        setting.stir("desk", "guideline", "desk.ask")
        await until(lambda: whole != [])
        assert status(setting).sync is Sync.OUT_OF_SYNC
        assert setting.port.glances == []


async def test_what_nobody_wants_is_still_told_after_a_glance(setting: Setting) -> None:
    await setting.loop.restore()
    theirs = make("guideline", "theirs", "desk", {"condition": "Theirs"})
    setting.port.held[theirs.ref] = theirs
    async with running(setting):
        setting.stir("desk", "guideline", "theirs")
        await until(lambda: status(setting).unmanaged == ("guideline/theirs",))
        setting.stir("desk", "guideline", "desk.ask")
        await until(lambda: len(setting.port.glances) == 2)
        assert status(setting).unmanaged == ("guideline/theirs",)
        del setting.port.held[theirs.ref]
        setting.stir("desk", "guideline", "theirs")
        await until(lambda: status(setting).unmanaged == ())


async def test_a_change_whose_part_nobody_knows_is_read_whole(setting: Setting) -> None:
    await setting.loop.restore()
    async with running(setting):
        del setting.port.held[ASK]
        setting.stir("desk", "guideline", "")
        await until(lambda: ASK in setting.port.held)


async def test_a_change_of_the_wish_and_of_the_target_at_once(setting: Setting) -> None:
    await setting.loop.restore()
    async with running(setting):
        del setting.port.held[GREET]
        setting.want(desk(description="New"))
        setting.stir("desk", "guideline", "desk.greet")
        ref = Ref("agent", "desk")
        await until(lambda: setting.port.held[ref].spec["description"] == "New")
        await until(lambda: GREET in setting.port.held)


async def test_an_urgent_look_does_not_wait_behind_a_round(setting: Setting) -> None:
    for number in range(20):
        setting.want(bot(f"other-{number:02}"))
    await setting.loop.restore()
    async with running(setting):
        setting.loop._rounds._next = float("inf")  # the round rests for ever
        setting.loop._rounds.begin([f"other-{number:02}" for number in range(20)])
        del setting.port.held[GREET]
        setting.stir("desk", "guideline", "desk.greet")
        await until(lambda: GREET in setting.port.held)


class Hands(SystemClock):
    """A clock that stands still unless it is moved."""

    time = 0.0

    def monotonic(self) -> float:
        return self.time


def test_a_round_takes_no_more_than_its_share() -> None:
    clock = Hands()
    rounds = Rounds(clock, 0.02)
    rounds.begin(f"bot-{number}" for number in range(10))
    looks = 0
    while looks < 10:
        if rounds.pop() is not None:
            looks += 1
            clock.time += 0.1
            rounds.spent(0.1)
        else:
            clock.time += rounds.pause + 1e-9
    assert rounds.seconds == pytest.approx(9 * 5.0 + 0.1)
    assert rounds.pause == float("inf")


def test_a_round_waits_while_a_customer_does_but_not_for_ever() -> None:
    clock, busy = Hands(), True
    rounds = Rounds(clock, 0.5, lambda: busy)
    rounds.begin(["one", "two"])
    while rounds.pop() is None:
        clock.time += rounds.pause
    assert LONGEST_WAIT <= clock.time < LONGEST_WAIT + 2
    busy = False
    assert rounds.pop() is not None


def count_whole(setting: Setting) -> list[str]:
    observe, seen = setting.port.observe, list[str]()

    async def counted(bot_id: str, *args: Any, **options: Any) -> Any:
        seen.append(bot_id)
        return await observe(bot_id, *args, **options)

    setting.port.observe = counted  # type: ignore[method-assign]
    return seen
