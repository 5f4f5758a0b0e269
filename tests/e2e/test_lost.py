"""A store that is emptied under a daemon, or gone at its next start: told, nothing deleted."""

from __future__ import annotations

import pymongo

from tests.e2e.harness import Daemon, Place, bot, wait_for
from tests.parlant_server.process import ParlantProcess
from tests.wire.server import Server

QUICK = ("--interval", "1")


def agents(daemon: Daemon) -> set[str]:
    return {agent["id"] for agent in daemon.get("/agents")} & {"order-desk", "help-desk"}


def test_a_removed_store_is_told_at_the_next_start(place: Place, parlant: ParlantProcess) -> None:
    place.write()
    place.write("second.yaml", bot("help-desk", "Help Desk"))
    arguments = ("--parlant-url", parlant.url, *QUICK)
    with place.forked(*arguments) as daemon:
        daemon.wait_synced("order-desk", "help-desk")
        assert daemon.signal() == 0
    for file in (place.folder / ".otto").glob("otto.db*"):
        file.unlink()
    texts = {path.name: path.read_text() for path in place.manifests.glob("*.yaml")}
    for name in texts:
        (place.manifests / name).unlink()
    asked = place.command("diff", "--parlant-url", parlant.url)
    assert (asked.returncode, asked.stdout[:6]) == (2, "! SQLi"), asked.stdout
    with place.forked(*arguments) as daemon:
        assert "has no record of help-desk, order-desk" in daemon.status["lost"]
        assert daemon.output.count("the store has lost bots") == 1
        status = place.command("status")
        assert (status.returncode, status.stdout.count("\nlost  ")) == (2, 1)
        assert agents(daemon) == {"order-desk", "help-desk"}
        for name, text in texts.items():
            place.write(name, text)
        daemon.wait_synced("order-desk", "help-desk")
        wait_for("they are no longer lost", lambda: daemon.status["lost"] is None)
        assert "another past of help-desk, order-desk" in daemon.output
        assert place.command("status").returncode == 0


def empty(client: pymongo.MongoClient, database: str) -> None:
    """mongo-java-server fails for good at times where a database that is in use is dropped."""
    for name in client[database].list_collection_names():
        client[database][name].delete_many({})


def test_an_emptied_database_is_told(
    place: Place, parlant: ParlantProcess, mongodb: Server
) -> None:
    place.environ["MONGODB_URI"] = mongodb.uri
    file = place.write()
    arguments = ("--parlant-url", parlant.url, *QUICK, "--manifests", "none")
    (place.folder / "none").mkdir()
    with place.forked(*arguments) as daemon, pymongo.MongoClient(mongodb.uri) as client:
        assert place.command("apply", "-f", str(file), "--wait").returncode == 0
        empty(client, "otto_domain")
        wait_for("it is told", lambda: daemon.status["lost"])
        assert place.command("status").returncode == 2
        assert agents(daemon) == {"order-desk"}
        assert daemon.signal() == 0
    with place.forked(*arguments) as daemon:
        assert "`otto-reconcile adopt order-desk --manage`" in daemon.status["lost"]
        assert agents(daemon) == {"order-desk"}
        assert place.command("adopt", "order-desk", "--manage").returncode == 0
        daemon.wait_synced("order-desk")
        assert daemon.status["lost"] is None
        assert place.command("status").returncode == 0
