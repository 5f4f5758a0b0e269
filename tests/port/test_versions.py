"""What is known of each release of Parlant, and what is said of one that is not supported."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from otto_reconcile.diff import Policy, plan
from otto_reconcile.errors import SettingsError, TargetRefused
from otto_reconcile.model import Bot, Ref, Resource, Snapshot, snapshot_of
from otto_reconcile.persistence.start_port import StartPort
from otto_reconcile.planning.plan import Operation
from otto_reconcile.port.releases import RELEASES, release_of, supported
from otto_reconcile.port.rest import RestPort
from otto_reconcile.server import embedded

OLD, NEW = {"status": "ok"}, {"checks": {"event_loop": {"latency_ms": 2.5}}}


def speaking(version: str | None, health: Any, title: str = "Parlant API") -> RestPort:
    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/healthz":
            return httpx.Response(200, json=health)
        if request.url.path == "/openapi.json" and version is not None:
            return httpx.Response(200, json={"info": {"title": title, "version": version}})
        if request.url.path == "/agents":
            return httpx.Response(200, json=[])
        return httpx.Response(500, text="Internal Server Error")

    port = RestPort.over_http("http://127.0.0.1:9")
    port._wire.http._transport = httpx.MockTransport(answers)
    return port


def bot(**parts: Any) -> Snapshot:
    return snapshot_of(Bot.from_document({"id": "b", "name": "B", **parts}))


@pytest.mark.parametrize(("version", "health"), [("3.2.2", OLD), ("3.3.2", NEW), (None, NEW)])
async def test_supported_releases_are_taken(version: str | None, health: Any) -> None:
    port = speaking(version, health)
    told = await port.health()
    assert told.version == version
    assert told.latency >= 0
    assert await port.list_agents() == []


@pytest.mark.parametrize(
    ("version", "health", "said"),
    [
        ("3.1.4", OLD, r"Parlant 3\.1\.4, and this version works with Parlant 3\.2 or 3\.3 only"),
        ("3.20.0", OLD, r"Parlant 3\.20\.0"),
        ("4.0.0", NEW, r"Parlant 4\.0\.0"),
        ("3.3.2", OLD, "no Parlant"),
        (None, OLD, "no Parlant"),
        (None, ["ok"], "no Parlant"),
    ],
)
async def test_others_are_refused_by_name(version: str | None, health: Any, said: str) -> None:
    with pytest.raises(TargetRefused, match=said):
        await speaking(version, health).health()


async def test_nothing_is_done_to_a_release_that_is_not_supported() -> None:
    with pytest.raises(TargetRefused, match=r"Parlant 4\.0\.0"):
        await speaking("4.0.0", NEW).list_agents()


async def test_another_program_with_such_a_version_is_no_parlant() -> None:
    with pytest.raises(TargetRefused, match="no Parlant"):
        await speaking("3.2.2", OLD, "Parcels").health()


async def test_what_a_release_lacks_is_said_before_it_is_tried() -> None:
    guideline = {"id": "b.g", "condition": "c"}
    plain, urgent = bot(guidelines=[guideline]), bot(guidelines=[{**guideline, "priority": 3}])
    for version, health, said in (
        ("3.2.2", OLD, "Parlant 3.2 has no priority of a guideline"),
        ("3.3.2", NEW, None),
    ):
        port = speaking(version, health)
        told = {str(ref): await port.unable(resource) for ref, resource in urgent.items()}
        assert told == {"agent/b": None, "guideline/b.g": said}
        assert [await port.unable(resource) for resource in plain.values()] == [None, None]


def test_unable_resource_stays_with_what_is_bound_to_it() -> None:
    """A replacement that is held back takes no relationship away, and holds back nothing else."""
    journeys = [{"id": "b.j", "title": "t", "description": "d", "conditions": ["c"]}]
    guidelines = [{"id": "b.g", "condition": "c"}]
    bound = [{"kind": "priority", "source": "journey:b.j", "target": "guideline:b.g"}]
    before = bot(journeys=journeys, guidelines=guidelines, relationships=bound)
    journeys, guidelines = [{**journeys[0], "priority": 2}], [{**guidelines[0], "condition": "e"}]
    after = bot(journeys=journeys, guidelines=guidelines, relationships=bound)
    policy = Policy(unable=_unable(after.values()))
    replaced = plan(after, before, before, policy)
    assert [f"{a.operation} {a.ref}" for a in replaced.acting] == ["update guideline/b.g"]
    assert [str(a.ref) for a in replaced.skipped] == ["journey/b.j"]
    assert not replaced.in_sync
    made = plan(after, Snapshot(), Snapshot(), policy)
    assert {str(a.ref) for a in made.acting} == {"agent/b", "guideline/b.g"}
    held = {str(a.ref.kind): a.skipped for a in made.skipped if a.operation is Operation.CREATE}
    assert held == {
        "journey": "Parlant 3.2 has no priority of a journey",
        "relationship": "it needs journey/b.j",
    }


def _unable(resources: Any) -> dict[Any, str]:
    old = release_of("3.2.2")
    assert old is not None
    found: list[Resource] = list(resources)
    return {r.ref: why for r in found if (why := old.unable(r)) is not None}


def test_the_releases_in_words() -> None:
    assert supported() == "3.2 or 3.3"
    assert supported(hosted=True) == "3.3"
    assert [release_of(f"{r.name}.1") for r in RELEASES] == list(RELEASES)
    assert release_of("3.2rc1") is None


@pytest.mark.parametrize("version", ["3.2.2", "3.4.0"])
async def test_parlant_that_cannot_be_hosted_is_named_before_import(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "version", lambda name: version)
    monkeypatch.setattr(embedded, "imported", lambda: pytest.fail("imported"))
    server = embedded.EmbeddedServer(home=tmp_path, port=0)
    with pytest.raises(SettingsError, match=r"hosts Parlant 3\.3 only") as caught:
        await server.serve(lambda app, sdk: pytest.fail("prepared"))
    assert version in caught.value.message
    assert "--parlant-url" in (caught.value.hint or "")


async def test_mode_the_sdk_cannot_read_is_reported_before_it_is_tried() -> None:
    agent = bot(composition_mode="core_fluid")[Ref("agent", "b")]
    rest = speaking("3.3.2", NEW)
    assert await rest.unable(agent) is None
    port = StartPort(SimpleNamespace(container=defaultdict(object)), rest._wire)
    said = await port.unable(agent)
    assert said == "Parlant's SDK has no composition mode core_fluid"
