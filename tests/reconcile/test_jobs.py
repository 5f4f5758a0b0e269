"""No background job ends silently: it is logged, shown, started again, and then does its work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile import loop
from otto_reconcile.desired import DesiredState
from otto_reconcile.outbox import Outbox
from otto_reconcile.reconcile import change_feed, jobs
from otto_reconcile.reconcile.cache import TargetCache
from otto_reconcile.reconcile.evaluation.scheduler import EvaluationScheduler
from otto_reconcile.reconcile.jobs import Jobs
from otto_reconcile.reconcile.leader import Leader
from otto_reconcile.reconcile.outage import Outage
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.reconcile.workqueue import WorkQueue
from otto_reconcile.runtime.backoff import Backoff
from otto_reconcile.sources import folder as folders
from otto_reconcile.sources.folder import Folder
from otto_reconcile.sources.watching import Watcher
from tests.reconcile.fakes import FakePort, Setting, bot
from tests.reconcile.test_evaluating import Judged
from tests.reconcile.test_loop import running, until
from tests.sources.test_importer import MANIFEST

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = Backoff(first=0.1, factor=1.0)
    monkeypatch.setattr(jobs, "RESTART", soon)
    monkeypatch.setattr(change_feed, "RESTART", soon)
    monkeypatch.setattr(change_feed, "POLL", 0.05)
    monkeypatch.setattr(loop, "SAVE", 0.05)
    monkeypatch.setattr(Leader, "pause", 0.05)


class Fault:
    """Makes a method raise while `on`; `hit` counts how often it did."""

    def __init__(self, patch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        self.on, self.hit = True, 0
        real: Callable[..., Any] = getattr(owner, name)

        def faulty(*arguments: Any, **named: Any) -> Any:
            if self.on:
                self.hit += 1
                raise TypeError(SECRET)
            return real(*arguments, **named)

        patch.setattr(owner, name, faulty)


@pytest.mark.parametrize(
    ("job", "owner", "name"),
    [
        ("reconciling", WorkQueue, "pop"),
        ("leading", Leader, "renew"),
        ("probing", FakePort, "has_canary"),
        ("sweeping", FakePort, "list_agents"),
        ("reading", TargetCache, "read"),
        ("saving", Outage, "save"),
        ("evaluating", EvaluationScheduler, "round"),
        ("publishing", StatusBoard, "publish"),
        ("store changes", DesiredState, "marker"),
    ],
)
async def test_a_job_that_fails_is_shown_until_it_works_again(
    monkeypatch: pytest.MonkeyPatch, job: str, owner: type, name: str
) -> None:
    setting = Judged() if job == "evaluating" else Setting(interval=0.2)
    if job == "saving":
        outage = Outage(Outbox(None), setting.stores, setting.port, setting.reporter, setting.clock)
        monkeypatch.setattr(Outage, "waiting", property(lambda self: fault.on))
        setting.options["outage"] = outage
        setting.loop = setting.another()
    setting.want(bot("desk"))
    await setting.loop.restore()
    status = setting.reporter.board.status
    fault = Fault(monkeypatch, owner, name)
    async with running(setting):
        setting.loop.poke("tests")
        await until(lambda: job in status.jobs and fault.hit >= 3)
        shown = status.jobs[job]
        assert shown["error"].startswith("TypeError at ")
        assert SECRET not in str((shown, setting.heard.warnings))
        fault.on = False
        setting.want(bot("desk"), bot("depot"))
        await until(lambda: not status.jobs)
        await until(lambda: setting.agents() == {"desk", "depot"})
    said = [fields for event, fields in setting.heard.warnings if fields.get("job") == job]
    assert said[0]["error"] == shown["error"]


async def test_a_start_that_fails_in_its_restore_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting(interval=0.2)
    setting.want(bot("desk"))
    fault = Fault(monkeypatch, TargetCache, "read")
    await setting.loop.restore()
    status = setting.reporter.board.status
    assert status.jobs["restoring"]["error"].startswith("TypeError at ")
    fault.on = False
    async with running(setting):
        await until(lambda: setting.agents() == {"desk"} and not status.jobs)


@pytest.mark.parametrize("restoring", [True, False])
async def test_a_bot_that_raises_is_degraded_and_the_others_are_made(restoring: bool) -> None:
    setting = Setting(interval=0.2)
    create = setting.port.create

    async def poisoned(resource: Any, **options: Any) -> Any:
        if resource.bot_id == "bad":
            raise RecursionError(SECRET)
        return await create(resource, **options)

    setting.port.create = poisoned  # type: ignore[method-assign]
    bots = [bot("bad"), *(bot(f"bot-{n:02}") for n in range(12))]
    if restoring:
        setting.want(*bots)
    await setting.loop.restore()
    if restoring:
        assert len(setting.agents()) == 12
    async with running(setting):
        setting.want(*bots)
        await until(lambda: len(setting.agents()) == 12)
        shown = setting.reporter.board.status.bots
        await until(lambda: "RecursionError" in str(shown["bad"].message))
    assert shown["bad"].health == "Degraded"
    assert shown["bad"].sync != "Synced"
    assert SECRET not in str((shown, setting.heard.warnings))


async def test_a_failure_of_ours_says_its_sentence() -> None:
    from otto_reconcile.errors import TargetUnavailable

    setting = Setting()
    kept = Jobs(setting.reporter, setting.clock)
    kept.failed("tools", TargetUnavailable("the port does not answer"))
    assert setting.reporter.board.status.jobs["tools"]["error"] == "the port does not answer"
    kept.succeeded("tools")
    assert setting.reporter.board.status.jobs == {}


async def test_a_folder_that_raises_keeps_the_last_good_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    setting = Setting()
    (tmp_path / "desk.yaml").write_text(MANIFEST.format("desk"))
    folder = Folder(tmp_path, setting.stores, setting.reporter, setting.clock, "tests")
    load = folders.load

    def poisoned(*arguments: Any) -> Any:
        if (tmp_path / "bad.yaml").exists():
            raise KeyError(SECRET)
        return load(*arguments)

    monkeypatch.setattr(folders, "load", poisoned)
    (tmp_path / "bad.yaml").write_text("")
    status = setting.reporter.board.status
    assert await folder.import_now()
    assert status.manifests["state"] == "Failed"
    assert status.manifests["problems"][0].startswith(
        "the folder could not be imported: KeyError at "
    )
    assert status.jobs["manifests"]["failures"] == 1
    stopping = asyncio.Event()
    following = asyncio.create_task(folder.follow(stopping))
    try:
        await until(lambda: status.jobs["manifests"]["failures"] >= 2)  # also if nothing changes
        (tmp_path / "bad.yaml").unlink()
        await until(lambda: status.manifests["state"] == "Imported")
        assert (status.jobs, status.manifests["problems"]) == ({}, [])
        (tmp_path / "bad.yaml").write_text("")
        await until(lambda: status.manifests["state"] == "Failed")
        (tmp_path / "bad.yaml").unlink()
        await until(lambda: status.manifests["state"] == "Imported" and not status.jobs)
        (tmp_path / "depot.yaml").write_text(MANIFEST.format("depot"))
        await until(lambda: set(setting.stores.desired.read().bots) == {"desk", "depot"})
    finally:
        stopping.set()
        await following
    assert SECRET not in str(setting.heard.warnings)


async def test_a_watch_that_raises_is_begun_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    setting = Setting()
    folder = Folder(tmp_path, setting.stores, setting.reporter, setting.clock, "tests")
    await folder.import_now()
    fault = Fault(monkeypatch, Watcher, "_told_by_system")
    stopping, status = asyncio.Event(), setting.reporter.board.status
    following = asyncio.create_task(folder.follow(stopping))
    try:
        await until(lambda: fault.hit >= 2 and "manifests" in status.jobs)
        fault.on = False
        (tmp_path / "desk.yaml").write_text(MANIFEST.format("desk"))
        await until(lambda: "desk" in setting.stores.desired.read().bots and not status.jobs)
    finally:
        stopping.set()
        await following
