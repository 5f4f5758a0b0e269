"""What the loop keeps to when lives, leases and looks overlap. On a target in memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from otto_reconcile.desired import DesiredBot, Source
from otto_reconcile.errors import StoreUnavailable, TargetRefused
from otto_reconcile.model import Bot, Ref, Relationship, Resource, make
from otto_reconcile.model.bot import Customer
from otto_reconcile.outbox import Outbox
from otto_reconcile.port.reaching import Reaching
from otto_reconcile.reconcile.outage import Outage
from otto_reconcile.reconcile.status import Sync
from otto_reconcile.records.applied import Applied
from otto_reconcile.sources.folder import Folder
from otto_reconcile.store.base import Write
from otto_reconcile.store.memory import MemoryStore
from tests.reconcile.fakes import Setting, bot


async def until(check: Callable[[], object], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110  (what is checked sets no event)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(setting: Setting) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(setting.loop.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await task


async def test_restore_that_loses_its_lease_calls_no_bot_restored() -> None:
    setting = Setting()
    setting.want(*(bot(f"bot-{n:02}") for n in range(20)))
    calls = 0

    def stopped_for_a_while() -> None:
        nonlocal calls
        calls += 1
        if calls == 10:
            setting.clock.ahead += 60.0  # a process that was stopped and goes on

    setting.port.before_call = stopped_for_a_while
    await setting.loop.restore()
    restore = setting.reporter.board.status.restore
    assert restore is not None
    assert restore["restored"] == len(setting.agents()) < 20
    async with running(setting):
        await until(lambda: len(setting.agents()) == 20)


async def test_nothing_is_done_after_another_has_taken_over() -> None:
    setting = Setting()
    setting.want(bot("desk"))

    def taken_over() -> None:
        setting.clock.ahead += 60.0

    setting.port.before_call = taken_over
    await setting.loop.restore()
    assert list(setting.port.held) == [Ref("agent", "desk")]


async def test_later_leaders_write_outlives_a_call_that_ends_late() -> None:
    setting = Setting()
    setting.want(bot("desk"))
    stores, theirs = setting.stores, Applied("desk", 7, "their epoch")

    def a_later_leader_saves() -> None:
        stores.store.batch([stores.applied.writing("fake", [theirs], token=1000)])

    setting.port.before_call = a_later_leader_saves
    await setting.loop.restore()
    assert stores.applied.load("fake") == {"desk": theirs}
    done = stores.store.find("actions", {"bot_id": "desk", "kind": "agent"})
    assert [record["outcome"] for record in done] == ["succeeded"]


async def test_restart_with_one_agent_back_is_one_for_the_others() -> None:
    setting = Setting(interval=3600.0)
    setting.want(*(bot(f"bot-{n}") for n in range(5)))
    await setting.loop.restore()
    setting.port.restart()
    there = make("agent", "bot-3", "bot-3", {"name": "Bot-3"})
    setting.port.held[there.ref] = there
    async with running(setting):
        await until(lambda: len(setting.port.held) == 10)
    assert setting.agents() == {f"bot-{n}" for n in range(5)}


async def test_a_restart_in_the_middle_of_a_restore() -> None:
    setting = Setting(interval=3600.0)
    setting.want(*(bot(f"bot-{n:02}") for n in range(30)))
    calls = 0

    def restart_once() -> None:
        nonlocal calls
        calls += 1
        if calls == 25:
            setting.port.restart()

    setting.port.before_call = restart_once
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: len(setting.agents()) == 30)


async def test_target_lost_in_a_restore_is_not_called_connected() -> None:
    setting = Setting()
    setting.want(*(bot(f"bot-{n:02}") for n in range(30)))
    calls = 0

    def go_away() -> None:
        nonlocal calls
        calls += 1
        setting.port.gone = calls > 10

    setting.port.before_call = go_away
    await setting.loop.restore()
    assert setting.reporter.board.status.target.state == "Unavailable"
    assert calls < 20, "it went on against a target that is gone"
    setting.port.before_call, setting.port.gone = (lambda: None), False
    async with running(setting):
        await until(lambda: len(setting.agents()) == 30)


async def test_withdrawn_relationship_leaves_the_bot_in_order() -> None:
    setting = Setting()
    tie = Relationship(kind="priority", source="guideline:desk.greet", target="guideline:x.y")
    setting.want(bot("desk", relationships=[tie]))
    create = setting.port.create

    async def refusing(resource, **how):
        if resource.kind == "relationship":
            raise TargetRefused("no such guideline", status=404)
        return await create(resource, **how)

    setting.port.create = refusing
    await setting.loop.restore()
    assert setting.reporter.board.status.bots["desk"].sync is Sync.OUT_OF_SYNC
    setting.want(bot("desk"))
    async with running(setting):
        await until(lambda: setting.reporter.board.status.bots["desk"].sync is Sync.SYNCED)


async def test_a_tag_that_a_person_made_outlives_the_bot_that_used_it() -> None:
    setting = Setting()
    theirs = make("tag", "vip", "", {}, remote_id="t1")
    setting.port.held[theirs.ref] = theirs
    setting.want(bot("desk", tags=["vip", "ours"]))
    await setting.loop.restore()
    setting.want(bot("desk"))
    async with running(setting):
        await until(lambda: Ref("tag", "ours") not in setting.port.held)
        await until(lambda: setting.reporter.board.status.bots["desk"].sync is Sync.SYNCED)
    assert Ref("tag", "vip") in setting.port.held


async def test_the_last_user_of_a_shared_tag_takes_it_along() -> None:
    setting = Setting()
    setting.want(bot("one", tags=["shared"]), bot("two", tags=["shared"]))
    await setting.loop.restore()
    setting.want(bot("one"))
    async with running(setting):
        await until(lambda: setting.reporter.board.status.bots["one"].revision == 2)
        assert Ref("tag", "shared") in setting.port.held


async def test_bots_that_differ_on_a_shared_thing_do_not_fight() -> None:
    def desk(bot_id: str, name: str, **metadata: str) -> Bot:
        ann = Customer(id="ann", name=name, tags=["vip"], metadata=metadata)
        return bot(bot_id, customers=[ann])

    setting = Setting(interval=0.05)
    setting.want(desk("alpha", "Ann", town="Bonn"), desk("beta", "Anna", shoes="41"))
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: setting.reporter.board.status.bots["beta"].sync is Sync.OUT_OF_SYNC)
        ref = Ref("customer", "ann")
        assert setting.port.held[ref].spec["name"] == "Ann"
        message = setting.reporter.board.status.bots["beta"].message
        assert message is not None
        assert "bot 'alpha' wants another name" in message
        setting.want(desk("alpha", "Anna", town="Bonn"))
        await until(lambda: setting.reporter.board.status.bots["beta"].sync is Sync.SYNCED)
        assert setting.port.held[ref].spec["name"] == "Anna"


async def test_what_is_held_back_is_named_with_each_reason_once() -> None:
    setting = Setting()
    journey = {"title": "t", "description": "d", "conditions": ["c"]}
    setting.want(
        bot(
            "desk",
            guidelines=[{"id": "desk.urgent", "condition": "It cannot wait"}],
            journeys=[{"id": "desk.a", **journey}, {"id": "desk.b", **journey}],
            relationships=[
                {
                    "kind": "dependency",
                    "source": "guideline:desk.urgent",
                    "target": "journey:desk.a",
                }
            ],
        )
    )

    async def unable(resource: Resource) -> str | None:
        return "no states here" if resource.kind == "journey" else None

    setting.port.unable = unable  # type: ignore[method-assign]
    await setting.loop.restore()
    assert setting.reporter.board.status.bots["desk"].message == (
        "held back: create journey desk.a and 1 more: no states here; "
        "create guideline desk.urgent and 1 more: it needs journey/desk.a"
    )


async def test_a_fault_of_ours_is_said_and_does_not_end_the_loop() -> None:
    setting = Setting(interval=0.05)
    setting.want(bot("desk"))
    await setting.loop.restore()
    ingest = setting.stores.desired.ingest
    faults = 0

    def faulty():
        nonlocal faults
        faults += 1
        if faults < 3:
            raise RuntimeError("a fault of ours")
        return ingest()

    setting.stores.desired.ingest = faulty
    async with running(setting):
        await until(lambda: faults > 3)
        setting.want(bot("desk", description="New"))
        ref = Ref("agent", "desk")
        await until(lambda: setting.port.held[ref].spec["description"] == "New")


async def test_pruning_leaves_otto_and_the_agents_of_others_alone() -> None:
    setting = Setting(prune_unmanaged=True)
    setting.want(bot("desk"))
    for name in ("otto", "stranger"):
        agent = make("agent", name, name, {"name": name})
        setting.port.held[agent.ref] = agent
    await setting.loop.restore()
    async with running(setting):
        setting.stir("otto")
        setting.stir("stranger")
        setting.stir(None)
        await until(lambda: setting.reporter.board.status.bots["desk"].sync is Sync.SYNCED)
    assert setting.agents() == {"desk", "otto", "stranger"}


async def test_folder_that_cannot_be_watched_is_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import watchfiles

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watchfiles, "awatch", full)
    monkeypatch.setattr("otto_reconcile.sources.watching.RECHECK", 0.05)
    setting = Setting()
    folder = Folder(tmp_path, setting.stores, setting.reporter, setting.clock, "tests")
    stopping = asyncio.Event()
    task = asyncio.create_task(folder.follow(stopping))
    text = "apiVersion: otto/v1\nkind: Bot\nmetadata: {id: desk}\nspec: {name: Desk}\n"
    (tmp_path / "desk.yaml").write_text(text)
    await until(lambda: "desk" in setting.stores.desired.read().bots)
    stopping.set()
    await task


async def test_a_watched_folder_leaves_out_what_ottoignore_names(tmp_path: Path) -> None:
    text = "apiVersion: otto/v1\nkind: Bot\nmetadata: {{id: {0}}}\nspec: {{name: {0}}}\n"
    for name in ("desk", "draft"):
        (tmp_path / f"{name}.yaml").write_text(text.format(name))
    (tmp_path / "values.yaml").write_text("of: another program\n")
    (tmp_path / ".ottoignore").write_text("draft.yaml\n")
    setting = Setting()
    folder = Folder(tmp_path, setting.stores, setting.reporter, setting.clock, "tests")
    await folder.import_now()
    assert setting.reporter.board.status.manifests["state"] == "Imported"
    assert setting.stores.desired.read().bots.keys() == {"desk"}
    stopping = asyncio.Event()
    task = asyncio.create_task(folder.follow(stopping))
    (tmp_path / ".ottoignore").write_text("values.yaml\n")
    await until(lambda: "draft" in setting.stores.desired.read().bots)
    stopping.set()
    await task


async def test_watched_folder_follows_texts_that_manifests_include(tmp_path: Path) -> None:
    text = "apiVersion: otto/v1\nkind: Bot\nmetadata: {id: desk}\nspec:\n  name: Desk\n"
    (tmp_path / "desk.yaml").write_text(text + "  description: !file texts/desk.md\n")
    setting = Setting()
    board, desired = setting.reporter.board, setting.stores.desired
    folder = Folder(tmp_path, setting.stores, setting.reporter, setting.clock, "tests")
    await folder.import_now()
    assert "texts/desk.md` cannot be included" in board.status.manifests["problems"][0]
    stopping = asyncio.Event()
    task = asyncio.create_task(folder.follow(stopping))

    def description() -> str | None:
        found = desired.read().bots.get("desk")
        return found.bot.description if found is not None else None

    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "desk.md").write_text("first")
    await until(lambda: description() == "first")
    (tmp_path / "texts" / "desk.md").write_text("second")
    await until(lambda: description() == "second")
    assert board.status.manifests["state"] == "Imported"
    (tmp_path / "texts" / "desk.md").unlink()
    await until(lambda: board.status.manifests["state"] == "Refused")
    assert description() == "second"
    stopping.set()
    await task


async def test_a_folder_that_is_made_or_goes_later_is_told_as_it_is(tmp_path: Path) -> None:
    setting = Setting()
    path, board = tmp_path / "manifests", setting.reporter.board
    folder = Folder(path, setting.stores, setting.reporter, setting.clock, "tests")
    await folder.import_now()
    assert board.status.manifests["state"] == "Refused"
    stopping = asyncio.Event()
    task = asyncio.create_task(folder.follow(stopping))
    path.mkdir()
    await until(lambda: board.status.manifests["state"] == "Imported")
    path.rmdir()
    await until(lambda: board.status.manifests["state"] == "Refused")
    stopping.set()
    await task


async def test_one_file_is_imported_and_followed(tmp_path: Path) -> None:
    text = "apiVersion: otto/v1\nkind: Bot\nmetadata: {{id: {0}}}\nspec: {{name: {0}}}\n"
    path = tmp_path / "bots.yaml"
    path.write_text(text.format("desk") + "---\n" + text.format("shop"))
    (tmp_path / "other.yaml").write_text(text.format("other"))
    setting = Setting()

    def bots() -> set[str]:
        return set(setting.stores.desired.read().bots)

    board = setting.reporter.board
    folder = Folder(path, setting.stores, setting.reporter, setting.clock, "tests")
    await folder.import_now()
    assert board.status.manifests["state"] == "Imported"
    assert bots() == {"desk", "shop"}
    stopping = asyncio.Event()
    task = asyncio.create_task(folder.follow(stopping))
    new = tmp_path / "bots.yaml.new"  # as editors save
    new.write_text(text.format("shop"))
    new.replace(path)
    await until(lambda: bots() == {"shop"})
    path.unlink()
    await until(lambda: board.status.manifests["state"] == "Refused")
    path.write_text(text.format("shop") + "---\n" + text.format("later"))
    await until(lambda: bots() == {"shop", "later"})
    stopping.set()
    await task


async def test_a_database_put_in_place_of_another_is_noticed() -> None:
    """The same revision number with other content, as after a restored backup."""
    setting = Setting(interval=0.05)
    setting.want(bot("desk", description="Old"))
    await setting.loop.restore()
    ref = Ref("agent", "desk")
    async with running(setting):
        await until(lambda: setting.port.held[ref].spec["description"] == "Old")
        for collection in ("events", "heads", "bots", "guidelines"):
            setting.stores.store.delete(collection, {})
        source = Source(kind="cli")
        setting.stores.desired.put(bot("desk", description="New"), source=source, actor="x")
        await until(lambda: setting.port.held[ref].spec["description"] == "New")


async def test_otto_is_never_restored_whatever_the_event_log_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = Setting()
    with monkeypatch.context() as earlier:  # versions that did not refuse it
        earlier.setattr("otto_reconcile.desired.is_reserved", lambda *names: False)
        setting.want(bot("otto"), bot("desk"))
    await setting.loop.restore()
    assert setting.agents() == {"desk"}


async def test_store_away_from_the_start_is_reported_once_with_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = Setting()

    def away(*arguments: object, **options: object) -> None:
        raise StoreUnavailable("nobody answers")

    for name in ("find", "swap", "insert", "put", "batch", "delete"):
        monkeypatch.setattr(setting.stores.store, name, away)
    await setting.loop.restore()
    await setting.loop.restore()
    status = setting.reporter.board.status
    assert (status.store.state, status.target.state) == ("Unavailable", "Unknown")
    (event, fields), *more = setting.heard.warnings
    assert (event, fields["why"], more) == ("store unavailable", "nobody answers", [])


async def test_change_made_during_a_save_is_saved_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = Setting()
    late = Outage(Outbox(None), setting.stores, setting.port, setting.reporter, setting.clock)
    applied, going_on = setting.stores.applied, threading.Event()
    begun = asyncio.Event()
    loop, save = asyncio.get_running_loop(), applied.save

    def slow(target: str, sets: Sequence[Applied]) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert going_on.wait(20)
        save(target, sets)

    async def carry_out(name: str) -> None:
        now = setting.clock.now()
        await late.carry_out(None, name, DesiredBot(bot(name), 1, Source("otto"), "tests", now))

    monkeypatch.setattr(type(applied), "save", lambda self, *arguments: slow(*arguments))
    await carry_out("first")
    saving = asyncio.create_task(late.save())
    await begun.wait()
    await carry_out("second")
    going_on.set()
    assert await saving
    assert late.waiting
    assert await late.save()
    assert not late.waiting
    assert sorted(applied.load("fake")) == ["first", "second"]


async def test_what_could_not_be_saved_stays_to_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting()
    late = Outage(Outbox(None), setting.stores, setting.port, setting.reporter, setting.clock)
    applied = setting.stores.applied
    wanted = DesiredBot(bot("desk"), 1, Source("otto"), "tests", setting.clock.now())
    await late.carry_out(None, "desk", wanted)
    with monkeypatch.context() as patch:

        def away(*arguments: object) -> None:
            raise StoreUnavailable("nobody answers")

        patch.setattr(type(applied), "save", away)
        assert not await late.save()
    assert late.waiting
    assert await late.save()
    assert list(applied.load("fake")) == ["desk"]


async def test_what_fails_again_as_before_is_said_and_recorded_once() -> None:
    setting = Setting(interval=0.05)
    setting.want(bot("desk"))
    tries, why = 0, "no room"

    def refuse() -> None:
        nonlocal tries
        tries += 1
        raise TargetRefused(why, status=422)

    def records(outcome: str) -> int:
        return len(setting.stores.audit.find(outcome=outcome))

    def said(error: str) -> int:
        return sum(fields.get("error") == error for _, fields in setting.heard.warnings)

    setting.port.before_call = refuse
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: tries >= 3)
        assert said("no room") == 1
        why = "not allowed"
        await until(lambda: said("not allowed"))
        await until(lambda: records("failed") >= tries)
    assert records("failed") == tries
    assert records("skipped") == 1
    assert {record.outcome for record in setting.stores.audit.find()} == {"failed", "skipped"}
    assert said("not tried: it needs agent/desk") == 1


async def test_a_new_life_ends_what_reached_every_agent_before() -> None:
    setting = Setting()
    setting.want(bot("desk"))
    setting.port.reached = [Reaching("guideline", "a", "For all")]
    await setting.loop.restore()
    status, loop = setting.reporter.board.status, setting.loop
    await loop._scanning.look()
    assert [one.split()[1] for one in status.reaching] == ["a"]
    setting.port.restart()
    setting.port.reached = [Reaching("guideline", "b", "For all")]
    assert await loop._prober.probe()
    assert not status.reaching
    setting.clock.ahead += 1.0  # soon, not after the usual pause
    await loop._scanning.look()
    assert [one.split()[1] for one in status.reaching] == ["b"]


async def test_a_store_of_which_one_part_fails_is_not_called_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is wanted can be read, and nothing can be recorded: so no bot can be made."""
    setting, broken = Setting(interval=0.2), [True]
    setting.want(bot("desk"))
    put = MemoryStore.batch

    def batch(store: MemoryStore, writes: Sequence[Write]) -> None:
        if broken[0] and any(write.collection == "actions" for write in writes):
            raise StoreUnavailable("the file is damaged", hint="restore a copy")
        put(store, writes)

    monkeypatch.setattr(MemoryStore, "batch", batch)
    status = setting.reporter.board.status
    states = set()
    async with running(setting):
        await until(lambda: "desk" in status.bots and status.bots["desk"].message is not None)
        for _ in range(50):
            states.add(status.store.state)
            await asyncio.sleep(0.02)
        assert states == {"Unavailable"}
        assert status.store.message == "the file is damaged (restore a copy)"
        assert status.bots["desk"].message == f"not looked at: {status.store.message}"
        broken[0] = False
        await until(lambda: status.store.state == "Connected")
        await until(lambda: status.bots["desk"].sync is Sync.SYNCED)
        assert status.bots["desk"].message is None


async def test_changes_of_an_outage_are_read_before_anything_is_done() -> None:
    """What was known before would bring back a bot that was deleted meanwhile."""
    setting = Setting()
    outage = Outage(Outbox(None), setting.stores, setting.port, setting.reporter, setting.clock)
    setting.options["outage"] = outage
    setting.loop = setting.another()
    setting.want(bot("desk"))
    await setting.loop.restore()
    session = setting.loop._session
    assert session.may_act
    await setting.loop.carry_out("desk", None)
    assert setting.agents() == set()
    assert await setting.loop._reader.read()  # the store is back, and nothing is saved yet
    assert await setting.loop.save_late()
    assert not session.may_act
    assert await setting.loop._reader.read()
    assert session.may_act
