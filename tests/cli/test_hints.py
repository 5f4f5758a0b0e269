"""What a command says of a name that is not quite one, and of a bot that is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cli.command import Otto, manifest

Announce = Callable[..., dict[str, Any]]
SERVICE = """\
apiVersion: otto/v1
kind: ToolService
metadata: {id: orders}
spec: {kind: sdk, url: "http://h:1"}
"""
MISSPELT = manifest().replace(
    "  journeys:", '    - {id: more, condition: c, tools: ["ordrs:find", get_ordr]}\n  journeys:'
)


def test_apply_notes_a_tool_of_a_misspelt_service(otto: Otto, daemon: Announce) -> None:
    path = otto.write("desk.yaml", MISSPELT)
    assert otto("apply", "-f", path).err == ""  # nobody knows of a service
    assert otto("apply", "-f", otto.write("orders.yaml", SERVICE)).err == ""
    note = f"note: {path}:9:40: no tool service `ordrs` is declared (did you mean `orders`?)\n"
    assert otto("apply", "-f", path, "--dry-run").err == note
    daemon(tools={"sources": ["t.py"], "tools": ["get_order"], "state": "Loaded", "problems": []})
    local = f"note: {path}:9:54: no local tool is named `get_ordr` (did you mean `get_order`?)\n"
    done = otto("apply", "-f", path)
    assert (done.code, done.err) == (0, note + local)
    done = otto("validate", path, otto.write("orders.yaml", SERVICE))
    assert note.replace(str(path), "desk.yaml") in done.err.replace(str(path), "desk.yaml")
    assert done.code == 0
