"""Change streams over the wire: the loop is woken by them, and misses nothing when one ends.

The server is mongo-java-server with an oplog. What it lacks of a replica set, tests/wire/java adds:
the answer to `hello`, `operationTime`, streams of a whole database, `ns` in events, and the refusal
to resume where the oplog is too short. What it lacks beyond that is asserted at the end.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pymongo
import pytest
from bson import Int64
from pymongo.errors import ConfigurationError

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.reconcile import change_feed
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.mongo import MongoStore
from tests.reconcile.fakes import Setting, bot
from tests.reconcile.test_loop import running, until
from tests.wire.server import NotRunnable, Server, own_server, skip_or_fail

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        with own_server("oplog") as server:
            yield server
    except NotRunnable as error:
        skip_or_fail(error)


@pytest.fixture
def database() -> str:
    return f"otto_test_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def store(server: Server, database: str) -> Iterator[MongoStore]:
    store = MongoStore(server.uri, database)
    yield store
    store.close()


@pytest.fixture
def setting(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """A loop that nothing but a change stream can wake."""
    monkeypatch.setattr(change_feed, "_poll", lambda stores, tell, done: done.wait())
    setting = Setting()
    setting.stores = Stores.over(store)
    setting.loop = setting.another()
    return setting


def want(server: Server, database: str, *names: str) -> None:
    """As another process writes them."""
    other = MongoStore(server.uri, database)
    source = Source(kind="cli")
    DesiredState(other).put_many([(bot(name), source) for name in names], actor="tests")
    other.close()


@asynccontextmanager
async def running_with_desk(setting: Setting, server: Server, database: str) -> AsyncIterator[None]:
    """The loop, which has put in place what another process wrote after its start."""
    async with running(setting):
        want(server, database, "desk")
        await until(lambda: setting.agents() == {"desk"})
        yield


def forget_history(server: Server) -> None:
    """The oplog was too short for the time that a reader was away."""
    with pymongo.MongoClient[dict[str, object]](server.uri) as client:
        client["local"]["oplog.rs"].delete_many({})


async def test_loop_is_woken_by_a_change_stream(
    setting: Setting, server: Server, database: str
) -> None:
    async with running_with_desk(setting, server, database):
        want(server, database, "shop")
        await until(lambda: setting.agents() == {"desk", "shop"})


async def test_rows_of_another_program_wake_the_loop(
    setting: Setting, server: Server, database: str
) -> None:
    want(server, database, "desk")
    async with running(setting):
        await until(lambda: setting.agents() == {"desk"})
        with pymongo.MongoClient[dict[str, object]](server.uri) as client:
            rows = client[database]["guidelines"]
            rows.update_one({"bot_id": "desk"}, {"$set": {"condition": "Somebody waves"}})
        await until(
            lambda: any(
                r.spec.get("condition") == "Somebody waves" for r in setting.port.held.values()
            )
        )


@pytest.mark.parametrize("history", ["kept", "lost"])
async def test_server_restart_loses_no_change(
    setting: Setting, server: Server, database: str, history: str
) -> None:
    async with running_with_desk(setting, server, database):
        server.end()
        server.start()
        want(server, database, "shop")
        if history == "lost":
            forget_history(server)
        await until(lambda: setting.agents() == {"desk", "shop"}, seconds=60.0)
        want(server, database, "later")
        await until(lambda: setting.agents() == {"desk", "shop", "later"}, seconds=60.0)


def drop_streams(server: Server, database: str) -> None:
    """As an administrator, or a server that steps down, ends them; cursors count from 1."""
    ids = [Int64(number) for number in range(1, 1000)]
    with pymongo.MongoClient[dict[str, object]](server.uri) as client:
        client[database].command("killCursors", "1", cursors=ids)


def test_dropped_stream_is_resumed(store: MongoStore, server: Server, database: str) -> None:
    want(server, database, "desk")
    changes = store.changes(threading.Event())
    assert changes is not None
    next(changes)
    want(server, database, "shop")
    next(changes)
    drop_streams(server, database)
    want(server, database, "later")
    next(changes)


async def test_expired_resume_token_loses_no_change(
    setting: Setting, server: Server, database: str
) -> None:
    async with running_with_desk(setting, server, database):
        want(server, database, "shop")
        forget_history(server)
        drop_streams(server, database)
        await until(lambda: setting.agents() == {"desk", "shop"}, seconds=60.0)
        want(server, database, "later")
        await until(lambda: setting.agents() == {"desk", "shop", "later"}, seconds=60.0)


def test_expired_resume_token_ends_the_changes(
    store: MongoStore, server: Server, database: str
) -> None:
    want(server, database, "desk")
    changes = store.changes(threading.Event())
    assert changes is not None
    next(changes)
    want(server, database, "shop")
    next(changes)
    forget_history(server)
    drop_streams(server, database)
    with pytest.raises(StoreUnavailable, match="resume point"):
        deque(changes, maxlen=0)


def test_what_the_server_lacks_of_a_replica_set(server: Server, database: str) -> None:
    with pymongo.MongoClient[dict[str, object]](server.uri) as client:
        collection = client[database]["events"]
        with client.start_session() as session, pytest.raises(ConfigurationError):
            collection.insert_one({"bot_id": "a"}, session=session)  # no sessions, no transactions
        collection.insert_one({"bot_id": "a"})
        with collection.watch(max_await_time_ms=50) as stream:
            assert stream.resume_token is None  # no postBatchResumeToken
            collection.drop()
            events = [stream.try_next() for _ in range(2)]
            assert [event and event["operationType"] for event in events] == ["drop", None]
            assert stream.alive  # no `invalidate` ends it
