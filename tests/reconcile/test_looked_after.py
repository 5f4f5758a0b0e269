"""How a bot is looked after: suspended by its manifest, waves, ignored fields, labels."""

from __future__ import annotations

from dataclasses import replace

from otto_reconcile.model import Guideline, Ref
from otto_reconcile.reconcile.status import BotStatus, Health, Sync
from otto_reconcile.reconcile.summary import summary
from otto_reconcile.records.events import Source
from otto_reconcile.runtime.selecting import parsed
from tests.reconcile.fakes import Setting, bot
from tests.reconcile.test_loop import running, until

GREET = Ref("guideline", "desk.greet")


def status(setting: Setting, bot_id: str = "desk") -> BotStatus:
    return setting.reporter.board.status.bots.get(bot_id, BotStatus(bot_id))


def change(setting: Setting, ref: Ref, **spec: object) -> None:
    """By somebody else, on the target."""
    held = setting.port.held[ref]
    setting.port.held[ref] = replace(held, spec={**held.spec, **spec})


async def test_a_manifest_suspends_a_bot_and_resumes_it() -> None:
    setting = Setting(interval=3600.0)
    setting.want(bot("desk"))
    async with running(setting):
        await until(lambda: status(setting).sync is Sync.SYNCED)
        setting.want(bot("desk", description="New", annotations={"otto/suspend": True}))
        await until(lambda: status(setting).health is Health.SUSPENDED)
        assert status(setting).message == "suspended by its manifest"
        assert setting.port.held[Ref("agent", "desk")].spec.get("description") is None
        setting.want(bot("desk", description="New"))
        await until(lambda: status(setting).health is Health.HEALTHY)
        assert setting.port.held[Ref("agent", "desk")].spec["description"] == "New"


async def test_who_was_suspended_by_hand_stays_so() -> None:
    setting = Setting(interval=3600.0)
    setting.want(bot("desk", annotations={"otto/suspend": True}))
    setting.stores.desired.suspend("desk", True, source=Source(kind="cli"), actor="ann")
    setting.want(bot("desk"))
    async with running(setting):
        await until(lambda: status(setting).health is Health.SUSPENDED)
        assert status(setting).message == "suspended"
        assert setting.agents() == set()


async def test_a_lower_wave_is_restored_before_a_higher_one() -> None:
    setting = Setting(interval=3600.0)
    waves = {"a": 2, "b": "1", "c": None, "d": -1, "e": "first"}
    for bot_id, wave in waves.items():
        annotations = {} if wave is None else {"otto/wave": wave}
        setting.want(bot(bot_id, annotations=annotations))
    await setting.loop.restore()
    assert [ref.key for ref in setting.port.held if ref.kind == "agent"] == list("dceba")


async def test_a_lower_wave_is_reconciled_first_in_a_pass() -> None:
    setting = Setting(interval=3600.0)
    async with running(setting):
        waves = {"a": 3, "b": 2, "c": 1}
        setting.want(*(bot(i, annotations={"otto/wave": wave}) for i, wave in waves.items()))
        await until(lambda: setting.agents() == {"a", "b", "c"})
        assert [ref.key for ref in setting.port.held if ref.kind == "agent"] == list("cba")


async def test_an_ignored_field_is_made_and_then_left_alone() -> None:
    setting = Setting(interval=3600.0)
    ignore = ["description", "guidelines/*/action"]
    greet = Guideline(id="desk.greet", condition="Hello", action="Greet")
    wanted = bot(
        "desk", description="Ours", guidelines=[greet], annotations={"otto/ignore": ignore}
    )
    setting.want(wanted)
    async with running(setting):
        await until(lambda: status(setting).sync is Sync.SYNCED)
        assert setting.port.held[GREET].spec["action"] == "Greet"
        change(setting, Ref("agent", "desk"), description="Theirs")
        change(setting, GREET, action="Theirs", condition="Theirs")
        setting.loop.poke("test")
        await until(lambda: setting.port.held[GREET].spec["condition"] == "Hello")
        assert setting.port.held[GREET].spec["action"] == "Theirs"
        assert setting.port.held[Ref("agent", "desk")].spec["description"] == "Theirs"
        await until(lambda: status(setting).sync is Sync.SYNCED)
        setting.want(wanted.model_copy(update={"annotations": {}}))
        await until(lambda: setting.port.held[GREET].spec["action"] == "Greet")
        assert setting.port.held[Ref("agent", "desk")].spec["description"] == "Ours"


async def test_changes_wait_for_a_window_and_drift_does_not() -> None:
    setting = Setting(interval=3600.0)
    setting.want(bot("desk", description="Old"))
    async with running(setting):
        await until(lambda: status(setting).sync is Sync.SYNCED)
        always = {"kind": "deny", "cron": "* * * * *", "duration": "1h"}
        closed = {"otto/windows": [always]}
        setting.want(bot("desk", description="New", annotations=closed), bot("new"))
        setting.want(bot("late", annotations=closed))
        await until(lambda: status(setting).sync is Sync.OUT_OF_SYNC)
        assert status(setting).health is Health.HEALTHY
        assert "outside of its sync windows" in str(status(setting).message)
        await until(lambda: status(setting, "late").health is Health.MISSING)
        change(setting, GREET, condition="Theirs")
        setting.loop.poke("test")
        await until(lambda: setting.port.held[GREET].spec["condition"] != "Theirs")
        assert setting.port.held[Ref("agent", "desk")].spec["description"] == "Old"
        assert setting.agents() == {"desk", "new"}
        setting.port.restart()
        await until(lambda: setting.agents() >= {"desk", "new"})
        assert setting.port.held[Ref("agent", "desk")].spec["description"] == "New"
        setting.want(bot("late"))
        await until(lambda: "late" in setting.agents())


async def test_only_bots_that_fit_the_selector_are_reconciled() -> None:
    setting = Setting(interval=3600.0, selector=parsed("tier=gold"))
    setting.want(bot("desk", labels={"tier": "gold"}), bot("other", labels={"tier": "silver"}))
    async with running(setting):
        await until(lambda: len(setting.reporter.board.status.bots) == 2)
        await until(lambda: status(setting).sync is Sync.SYNCED)
        await until(lambda: status(setting, "other").health is Health.SUSPENDED)
        assert setting.agents() == {"desk"}
        assert status(setting, "other").message == (
            "outside of `-l tier=gold`, which this daemon looks after"
        )
        outside = {i: b.outside for i, b in setting.reporter.board.status.bots.items()}
        assert outside == {"desk": False, "other": True}
        told = summary(setting.reporter.board.status, "http://x", 1.0, answers=True)
        assert ": 1 of 1 bot Synced\n" in told
        assert "other: OutOfSync" not in told
        setting.port.restart()
        setting.loop.poke("test")
        await until(lambda: setting.agents() == {"desk"})
        await until(lambda: setting.reporter.board.status.restore is not None)
        assert (setting.reporter.board.status.restore or {})["bots"] == 1
        assert not setting.heard.warnings
        setting.want(bot("other", labels={"tier": "gold"}))
        await until(lambda: setting.agents() == {"desk", "other"})
        setting.want(bot("other", description="New"))
        await until(lambda: status(setting, "other").health is Health.SUSPENDED)
        assert setting.port.held[Ref("agent", "other")].spec.get("description") is None
