"""What the daemon says to a bridge and hears from it, with a bridge that is played."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from otto_reconcile.errors import TargetRefused, TargetUnavailable
from otto_reconcile.port.bridge import AnotherLife, Hello, News
from otto_reconcile.reconcile import bridged
from otto_reconcile.reconcile.bridged import EVERYTHING, Bridged
from otto_reconcile.reconcile.target_changes import Touched
from otto_reconcile.runtime.clock import SystemClock

WHY = ("why", 1.0)


def news(last: int, *, epoch: str = "one", lost: bool = False, **more: Any) -> News:
    said = {"touched": [], "demands": [], "used": [], "busy": 0.0, **more}
    return News(epoch=epoch, last=last, lost=lost, **said)


class Played:
    """A bridge: `errors` are raised by what is said next, `coming` is what is heard next."""

    def __init__(self) -> None:
        self.epoch, self.last = "one", 7
        self.said: list[tuple[str, Any]] = []
        self.errors: list[Exception] = []
        self.coming: list[News | Exception] = []
        self.asked: list[int] = []

    async def hello(self) -> Hello:
        return Hello(self.epoch, self.last)

    async def tell(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.said.append((path, body.get("bots")))

    async def news(self, after: int, wait: float) -> News:
        self.asked.append(after)
        if not self.coming:
            await asyncio.sleep(3600)
        coming = self.coming.pop(0)
        if isinstance(coming, Exception):
            raise coming
        return coming


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridged, "AGAIN", 0.01)


async def playing(played: Played) -> Bridged:
    made = Bridged(played, lambda bots: WHY, SystemClock())  # type: ignore[arg-type]
    await made.admission.meet()
    return made


def nothing() -> None:
    """What a job says after a step."""


async def while_running(job: Awaitable[None], check: Callable[[], Any]) -> None:
    task = asyncio.ensure_future(job)
    try:
        async with asyncio.timeout(5):
            while not check():
                assert not task.done(), task
                await asyncio.sleep(0.005)
    finally:
        task.cancel()


async def test_all_is_said_in_order_also_after_failures() -> None:
    played = Played()
    played.errors = [TargetUnavailable("away"), TargetUnavailable("away")]
    admission = (await playing(played)).admission
    admission.expect(["a", "b"], owners={("guideline", "a.g"): "a"})
    admission.admit("b")
    admission.admit("b", "stranger")
    admission.finish()
    job = admission.keep_telling(nothing)
    await while_running(job, lambda: len(played.said) == 3)
    paths = ["/admission", "/admission/admitted", "/admission/finished"]
    assert [path for path, _ in played.said] == paths
    assert [bots for _, bots in played.said] == [["a", "b"], ["b"], None]
    await asyncio.wait_for(admission.told(), 1.0)


async def test_nothing_is_said_of_a_life_to_the_next() -> None:
    played = Played()
    made = await playing(played)
    made.admission.expect(["a"])
    played.epoch = "two"
    await made.admission.meet()
    assert not made.admission.known
    assert made.admission.left == frozenset()
    made.admission.expect(["b"])
    await while_running(made.admission.keep_telling(nothing), lambda: played.said)
    assert played.said == [("/admission", ["b"])]


@pytest.mark.parametrize(
    ("error", "at_once"),
    [(AnotherLife("x", status=410), True), (TargetRefused("x", status=422), False)],
)
async def test_what_is_refused_begins_anew(error: Exception, at_once: bool) -> None:
    played = Played()
    played.errors = [error]
    made = await playing(played)
    made.admission.expect(["a"])
    job = made.admission.keep_telling(nothing)
    await while_running(job, lambda: made.admission.epoch is None)
    assert made.probe.is_set() is at_once
    await made.admission.meet()
    assert not made.admission.known
    assert played.said == []


def session(**more: Any) -> Any:
    asked: list[Any] = []
    used: list[str] = []
    return SimpleNamespace(
        leading=True,
        clock=SystemClock(),
        asked=asked,
        used=used,
        settled=["a", "b"],
        ask_for=lambda bots, reason: asked.append((list(bots), reason)),
        last_used=SimpleNamespace(note=used.append),
        **more,
    )


def drained(made: Bridged) -> list[Touched]:
    return [made.changes.get_nowait() for _ in range(made.changes.qsize())]


async def test_what_is_heard_reaches_the_loop() -> None:
    played, target = Played(), session()
    made = await playing(played)
    touched = [("guideline", "a.g", "a", ())]
    first = news(9, touched=touched, demands=["b"], used=["b"], busy=60.0)
    played.coming = [first, news(20_000, lost=True)]
    await while_running(made.following(target).run(nothing), lambda: len(played.asked) == 3)
    assert played.asked == [7, 9, 20_000]
    assert drained(made) == [EVERYTHING, Touched("guideline", "a.g", "a"), EVERYTHING]
    assert target.asked == [(["b"], "a customer waits"), (["a", "b"], "changes were missed")]
    assert target.used == ["b"]
    assert made.probe.is_set() is False


async def test_a_customer_who_waits_is_known_for_a_while() -> None:
    played = Played()
    made = await playing(played)
    played.coming = [news(8, busy=0.2)]
    await while_running(made.following(session()).run(nothing), made.busy.is_busy)
    await asyncio.sleep(0.25)
    assert not made.busy.is_busy()


@pytest.mark.parametrize("coming", [news(1, epoch="two"), TargetUnavailable("away")])
async def test_another_life_or_none_is_looked_at_at_once(coming: Any) -> None:
    played = Played()
    made = await playing(played)
    played.coming = [coming]
    await while_running(made.following(session()).run(nothing), made.probe.is_set)


async def test_a_bridge_that_comes_is_heard_of() -> None:
    played = Played()
    made = Bridged(played, lambda bots: WHY, SystemClock())  # type: ignore[arg-type]
    made.admission.expect(["a"])  # nobody is there to hear it
    await while_running(made.following(session()).run(nothing), made.probe.is_set)
    assert played.said == []


async def test_who_does_not_lead_hears_nothing() -> None:
    played, target = Played(), session()
    target.leading = False
    made = await playing(played)
    steps: list[int] = []
    job = made.following(target).run(lambda: steps.append(1))
    await while_running(job, lambda: len(steps) > 3)
    assert played.asked == []
