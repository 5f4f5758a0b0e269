"""`.` and `..` are ids for Parlant; in a path they would lead to another resource."""

from __future__ import annotations

import pytest

from otto_reconcile.diff import plan
from otto_reconcile.model import snapshot_of
from tests.port.conftest import Host
from tests.port.test_contract import BOT, plain, put, seen

ESCAPED = {".": "%2E", "..": "%2E%2E"}
TAG = {"tags": [f"agent:{BOT}"]}
PARTS = {
    "guideline": ("/guidelines", {"condition": "c", "action": "a", **TAG}),
    "term": ("/terms", {"name": "n", "description": "d", **TAG}),
    "journey": ("/journeys", {"title": "t", "description": "d", "conditions": ["x"], **TAG}),
}


@pytest.mark.parametrize("name", ESCAPED)
@pytest.mark.parametrize("kind", PARTS)
async def test_a_part_with_dots_for_an_id_is_seen_and_taken_away(
    host: Host, kind: str, name: str
) -> None:
    path, fields = PARTS[kind]
    wanted = snapshot_of(plain())
    await put(host, wanted, fresh=True)
    await host.rest.post(path, id=name, **fields)
    found = await seen(host, wanted)
    strange = [resource for ref, resource in found.items() if ref not in wanted]
    assert [(one.kind, one.key) for one in strange] == [(kind, name)]
    await host.port.delete(strange[0])
    with pytest.raises(Exception, match="404"):
        await host.rest.get(f"{path}/{ESCAPED[name]}")
    assert not plan(wanted, await seen(host, wanted), wanted).actions


@pytest.mark.parametrize("name", ESCAPED)
async def test_a_bot_with_dots_for_an_id_is_no_other_path(host: Host, name: str) -> None:
    await host.rest.post("/agents", id=name, name="Dots")
    found = (await host.port.observe(name, {})).snapshot
    assert [resource.spec["name"] for resource in found.values()] == ["Dots"]
    for resource in found.values():
        await host.port.delete(resource)
    assert not (await host.port.observe(name, {})).snapshot
