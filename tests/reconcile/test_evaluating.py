"""When a model is asked, when not, and what is made of a model that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from otto_reconcile.errors import NotApplied, StoreUnavailable, TemporaryError
from otto_reconcile.loop import Loop
from otto_reconcile.model import Bot, Guideline, Ref, Resource
from otto_reconcile.model.evaluation import (
    Evaluation,
    EvaluationCache,
    EvaluationCheck,
    EvaluationGap,
    Question,
    questions_of,
)
from otto_reconcile.planning.redaction import MASKED
from otto_reconcile.reconcile.evaluation import scheduler
from otto_reconcile.reconcile.evaluation.evaluator import CONCURRENT
from otto_reconcile.reconcile.evaluation.scheduler import EvaluationScheduler, Mode
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.base import Write
from otto_reconcile.store.memory import MemoryStore
from tests.reconcile.fakes import FakePort, Setting, bot
from tests.reconcile.test_loop import until

SAID = {"continuous": True}


class JudgedPort(FakePort):
    """`asked` are the conditions that its model was asked about.

    To the `mute` it says nothing, to those that are `hanging` for ever. On the guidelines that are
    `refused` nothing can be placed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.evaluation_cache = EvaluationCache()
        self.asked: list[str] = []
        self.mute: set[str] = set()
        self.hanging: set[str] = set()
        self.refused: set[str] = set()

    async def evaluate(self, question: Question) -> Evaluation:
        self.asked.append(question.condition)
        if question.condition in self.hanging:
            await asyncio.Event().wait()
        if question.condition in self.mute:
            raise TemporaryError("the model gave no evaluation: RuntimeError: busy")
        return SAID

    async def checked(
        self, bot_id: str, resources: Sequence[Resource]
    ) -> Sequence[EvaluationCheck]:
        asked = (
            (resource, question) for resource in resources for question in questions_of(resource)
        )
        checks = (self.evaluation_cache.check(r, q, r.key, {}) for r, q in asked if not q.state)
        return [check for check in checks if check is not None]

    async def place(self, gap: EvaluationGap) -> None:
        if gap.key in self.refused:
            raise NotApplied("Parlant did not keep it")
        self.evaluation_cache.place(gap.resource, [gap.question])

    async def create(
        self, resource: Resource, *, fresh: bool = False, claimed: bool = True
    ) -> Resource:
        self.evaluation_cache.place(resource)
        return await super().create(resource, fresh=fresh, claimed=claimed)

    def has(self, bot_id: str) -> bool:
        """True if all that is known of a bot is on the target."""
        return not any(
            self.evaluation_cache.unplaced(r) for r in self.held.values() if r.bot_id == bot_id
        )


class Judged(Setting):
    """A loop that has texts evaluated."""

    def __init__(self, mode: Mode = Mode.LAZY, stores: Stores | None = None) -> None:
        super().__init__()
        self.stores = stores or self.stores
        self.port: JudgedPort = JudgedPort()
        session = TargetSession(self.port, self.stores, self.reporter, self.clock, holder="tests")
        self.evaluating = EvaluationScheduler(mode, session, self.port, self.port.evaluation_cache)
        self.loop = Loop(session, extensions=[self.evaluating])

    async def round(self) -> None:
        """A round of evaluations, while the loop works on what is asked for meanwhile."""
        over = asyncio.Event()
        working = asyncio.create_task(self.loop._work(over))
        await self.evaluating.round()
        over.set()
        await working

    def status(self, bot_id: str) -> Any:
        return self.reporter.board.status.bots[bot_id]

    @property
    def told(self) -> dict[str, Any]:
        return self.reporter.board.status.evaluations


def with_texts(bot_id: str, *conditions: str) -> Bot:
    guidelines = [
        Guideline(id=f"{bot_id}.g{n}", condition=text) for n, text in enumerate(conditions)
    ]
    return bot(bot_id, guidelines=guidelines)


async def test_bot_is_served_at_once_and_each_text_asked_about_once() -> None:
    first = Judged()
    first.want(with_texts("a", "one", "two"), with_texts("b", "two"))
    await first.loop.restore()
    assert first.agents() == {"a", "b"}
    assert first.port.asked == []
    assert first.status("a").sync is Sync.SYNCED
    assert first.status("a").unevaluated == 2
    await first.evaluating.round()
    assert sorted(first.port.asked) == ["one", "two"]
    assert first.port.has("a")
    assert first.port.has("b")
    assert [first.status(b).unevaluated for b in "ab"] == [0, 0]
    placed = [r for r in first.stores.audit.find() if r.cause == "Evaluated"]
    assert {(r.kind, r.key, r.operation, r.outcome) for r in placed} == {
        ("guideline", key, "update", "succeeded") for key in ("a.g0", "a.g1", "b.g0")
    }
    assert placed[0].changes == ({"field": "metadata", "before": None, "after": SAID},)
    (record,) = [r for r in first.stores.audit.find() if r.kind == "evaluation"]
    assert (record.bot_id, record.operation, record.outcome) == ("a", "evaluate", "succeeded")
    assert {"field": "answered", "before": None, "after": 2} in record.changes

    again = Judged(stores=first.stores)
    await again.loop.restore()
    await again.evaluating.round()
    assert again.port.asked == []
    assert again.port.has("a")
    assert again.port.has("b")
    assert again.told["missing"] == 0


async def test_evaluation_of_another_daemon_is_not_asked_for_again() -> None:
    one = Judged()
    other = Judged(stores=one.stores)
    one.want(with_texts("a", "one"))
    for setting in (one, other):
        await setting.loop.restore()
    await one.evaluating.round()
    await one.loop._session.leader.resign()
    await other.loop._leadership.lead()
    await other.loop._reader.read()
    await other.loop.reconcile_now("a")
    await other.evaluating.round()
    assert other.port.asked == []
    assert other.port.has("a")


async def test_text_without_an_answer_is_asked_about_ever_more_rarely() -> None:
    setting = Judged()
    setting.port.mute = {"one"}
    setting.want(with_texts("a", "one"), with_texts("b", "two"))
    await setting.loop.restore()
    await setting.evaluating.round()
    await setting.evaluating.round()
    assert sorted(setting.port.asked) == ["one", "two"]
    assert setting.status("a").unevaluated == 1
    assert setting.status("b").unevaluated == 0
    assert (setting.told["missing"], setting.told["failing"]) == (1, 1)
    failed = [r for r in setting.stores.audit.find(bot_id="a") if r.outcome == "failed"]
    assert failed[0].error is not None
    assert "guideline a.g0: the model gave" in failed[0].error
    setting.clock.ahead += 3
    await setting.evaluating.round()
    setting.clock.ahead += 1
    await setting.evaluating.round()
    assert sorted(setting.port.asked) == ["one", "one", "two"]
    setting.port.mute = set()
    setting.clock.ahead += 6
    await setting.evaluating.round()
    assert setting.told["missing"] == 0
    assert setting.told["message"] is None
    # What failed and is not wanted any more is forgotten.
    setting.port.mute = {"three"}
    setting.want(with_texts("a", "three"))
    await setting.loop.reconcile_now("a")
    await setting.evaluating.round()
    assert setting.told["failing"] == 1
    setting.want(with_texts("a", "one"))
    await setting.loop.reconcile_now("a")
    await setting.evaluating.round()
    assert (setting.told["failing"], setting.told["missing"]) == (0, 0)


async def test_off_asks_nothing_and_puts_back_what_is_known() -> None:
    before = Judged()
    before.want(with_texts("a", "one"))
    await before.loop.restore()
    await before.evaluating.round()
    setting = Judged(Mode.OFF, before.stores)
    setting.want(with_texts("b", "one", "two"))
    await setting.loop.restore()
    await setting.evaluating.round()
    assert setting.port.asked == []
    assert setting.port.has("a")
    assert setting.port.has("b")
    assert setting.status("b").unevaluated == 1
    assert setting.status("b").sync is Sync.SYNCED


async def test_eager_evaluates_before_the_port_opens() -> None:
    setting = Judged(Mode.EAGER)
    setting.want(with_texts("a", "one"))
    await setting.loop.restore()
    assert setting.port.asked == ["one"]
    assert setting.port.has("a")
    setting.want(with_texts("b", "two"))
    await setting.loop.reconcile_now("b")
    waiting = setting.status("b")
    assert (waiting.sync, waiting.health) == (Sync.OUT_OF_SYNC, Health.PROGRESSING)
    await setting.evaluating.round()
    await setting.loop.reconcile_now("b")
    assert setting.status("b").sync is Sync.SYNCED
    assert setting.port.asked == ["one", "two"]


async def test_answer_paid_for_while_the_store_is_away_is_saved_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = Judged()
    setting.want(with_texts("a", "one"))
    await setting.loop.restore()
    keep, away = MemoryStore.batch, [True]

    def batch(store: MemoryStore, writes: Sequence[Write]) -> None:
        if away[0] and any(write.collection == "evaluations" for write in writes):
            raise StoreUnavailable("away")
        keep(store, writes)

    monkeypatch.setattr(MemoryStore, "batch", batch)
    await setting.evaluating.round()
    assert setting.stores.store.find("evaluations") == []
    away[0] = False
    await setting.evaluating.round()
    assert setting.port.asked == ["one"]
    assert setting.port.has("a")
    (kept,) = setting.stores.store.find("evaluations")
    assert (kept["parlant"], kept["model"], kept["subject"]) == (
        "3.3.2",
        "the model of fake",
        "guideline a.g0",
    )


async def test_journey_is_recreated_for_its_states_with_relationships() -> None:
    setting = Judged()
    states = [{"id": "ask", "chat": "Ask for the number"}]
    journey = {"id": "a.j", "title": "J", "description": "", "conditions": [], "states": states}
    bound = {"kind": "priority", "source": "journey:a.j", "target": "guideline:a.g0"}
    document = with_texts("a", "one").to_document()
    setting.want(Bot.from_document({**document, "journeys": [journey], "relationships": [bound]}))
    await setting.loop.restore()
    before = {record.action_id for record in setting.stores.audit.find()}
    await setting.round()
    await setting.loop.reconcile_now("a")
    assert setting.port.has("a")
    assert setting.status("a").sync is Sync.SYNCED
    done = [r for r in setting.stores.audit.find() if r.action_id not in before]
    of_states = [r for r in done if r.kind in ("journey", "relationship")]
    assert {(r.kind, r.operation, r.cause, r.outcome) for r in of_states} == {
        ("relationship", "delete", "Evaluated", "succeeded"),
        ("journey", "replace", "Evaluated", "succeeded"),
        ("relationship", "create", "Evaluated", "succeeded"),
    }
    assert {r.cause for r in done} == {"Unevaluated", "Evaluated"}
    await setting.round()
    await setting.loop.reconcile_now("a")
    assert len([r for r in setting.stores.audit.find() if r.action_id not in before]) == len(done)


async def test_eager_recreates_a_journey_for_its_states_before_serving() -> None:
    setting = Judged(Mode.EAGER)
    states = [{"id": "ask", "chat": "Ask for the number"}]
    journey = {"id": "a.j", "title": "J", "description": "", "conditions": [], "states": states}
    setting.want(Bot.from_document({"id": "a", "name": "A", "journeys": [journey]}))
    await setting.loop.restore()
    assert setting.port.has("a")
    assert setting.status("a").health is Health.HEALTHY
    causes = [(r.kind, r.operation, r.cause) for r in setting.stores.audit.find()]
    assert ("journey", "replace", "Evaluated") in causes


async def test_journey_that_cannot_be_recreated_is_tried_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = Judged()
    states = [{"id": "ask", "chat": "Ask for the number"}]
    journey = {"id": "a.j", "title": "J", "description": "", "conditions": [], "states": states}
    setting.want(Bot.from_document({"id": "a", "name": "A", "journeys": [journey]}))
    await setting.loop.restore()

    looks = []

    async def unable(port: FakePort, resource: Resource) -> str | None:
        looks.append(resource.ref)
        return "its tool is not there" if resource.kind == "journey" else None

    monkeypatch.setattr(FakePort, "unable", unable)
    working = asyncio.create_task(setting.loop._work(asyncio.Event()))
    running = asyncio.create_task(setting.evaluating.run())
    try:
        await until(lambda: setting.told["missing"] == 0)
        await asyncio.sleep(0.5)
        assert looks.count(Ref("journey", "a.j")) == 1
        assert setting.status("a").sync is Sync.SYNCED
        assert Ref("journey", "a.j") in setting.port.held
        monkeypatch.undo()
        await setting.loop.reconcile_now("a")
        await until(lambda: setting.port.has("a"))
    finally:
        running.cancel()
        working.cancel()


async def test_text_that_hangs_holds_up_no_other_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler, "_STEP", 0.05)
    setting = Judged()
    setting.port.hanging = {"one"}
    setting.want(with_texts("a", "one", *map(str, range(9))), with_texts("b", "two"))
    await setting.loop.restore()
    running = asyncio.create_task(setting.evaluating.run())
    try:
        await until(lambda: setting.told["missing"] == 1)
        assert [setting.status(b).unevaluated for b in "ab"] == [1, 0]
        await until(lambda: len([r for r in setting.port.held.values() if on(setting, r)]) == 10)
        # What it took so far is on record, should this process end now.
        (open_one,) = [r for r in setting.stores.audit.find(bot_id="a") if r.outcome is None]
        assert {"field": "answered", "before": None, "after": 9} in open_one.changes
    finally:
        running.cancel()


def on(setting: Judged, resource: Resource) -> bool:
    """True if what is known of a guideline is on the target, and something is known."""
    known = setting.port.evaluation_cache.known
    asked = questions_of(resource)
    return (
        bool(asked)
        and asked[0].key in known
        and not setting.port.evaluation_cache.unplaced(resource)
    )


async def test_a_model_that_hangs_does_not_keep_the_port_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler, "BEFORE_SERVING", 0.2)
    setting = Judged(Mode.EAGER)
    setting.port.hanging = {str(n) for n in range(9)}
    setting.want(with_texts("a", *setting.port.hanging))
    async with asyncio.timeout(20):
        await setting.loop.restore()
    assert setting.status("a").health is Health.PROGRESSING
    running = asyncio.create_task(setting.evaluating.run())
    try:
        await asyncio.sleep(0.1)
        assert len(setting.port.asked) == CONCURRENT  # it goes on, and is not begun anew
    finally:
        running.cancel()


async def test_why_judging_fails_is_told_as_long_as_it_does() -> None:
    setting = Judged()
    setting.port.mute = {"one"}
    setting.want(with_texts("a", "one"), with_texts("b", "two"))
    await setting.loop.restore()
    for _ in range(3):
        await setting.round()
        assert (setting.told["failing"], setting.told["missing"]) == (1, 1)
        assert "guideline a.g0: the model gave no evaluation" in setting.told["message"]


async def test_refusal_by_one_guideline_blocks_no_other() -> None:
    setting = Judged()
    setting.port.refused = {"a.g0"}
    a, b = with_texts("a", "one", "two"), with_texts("b", "three")
    secret = {"guidelines/a.g1/condition": {"template": "${TWO}", "variables": ["TWO"]}}
    setting.want(Bot.from_document({**a.to_document(), "masked": secret}), b)
    await setting.loop.restore()
    await setting.round()
    assert [setting.status(b).unevaluated for b in "ab"] == [0, 0]
    assert setting.port.has("b")
    placed = {r.key: r for r in setting.stores.audit.find() if r.cause == "Evaluated"}
    assert len([r for r in setting.stores.audit.find() if r.key == "a.g0"]) == 2
    assert (placed["a.g0"].outcome, placed["a.g1"].outcome) == ("failed", "succeeded")
    assert placed["a.g0"].error == "Parlant did not keep it"
    assert placed["a.g1"].changes[0]["after"] == MASKED  # it may repeat the text
    setting.port.refused = set()
    await setting.round()
    assert setting.port.has("a")
