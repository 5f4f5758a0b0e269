"""Tools of services with nearly the name of one that is declared: noted, each in its place."""

from __future__ import annotations

from pathlib import Path

from otto_reconcile import manifest
from otto_reconcile.manifest import misspelt, misspelt_local

BOT = """apiVersion: otto/v1
kind: Bot
metadata: {id: desk}
spec:
  name: Desk
  tool_services: [{name: stock, kind: sdk, url: "http://h:1"}]
  guidelines:
    - {id: g, condition: c, tools: ["orders:find", "ordrs:find", "crm:look", look]}
  journeys:
    - id: j
      title: J
      description: d
      conditions: []
      states:
        - {tool: "Stock:count"}
        - tools: ["stock:count", "stok:count"]
          instruction: Count
        - {chat: Tell}
  variables: [{name: v, tool: "ORDERS:find"}]
  relationships: [{kind: overlap, source: "tool:order:find", target: "tool:crm:look"}]
---
apiVersion: otto/v1
kind: ToolService
metadata: {id: orders}
spec: {kind: sdk, url: "http://h:2"}
---
apiVersion: otto/v1
kind: Glossary
metadata: {id: words}
spec:
  used_by: {all: true}
  guidelines: [{id: w, condition: c, tools: ["lokal:find"]}]
"""


def test_a_tool_of_a_misspelt_service_is_noted_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(BOT)
    loaded = manifest.load([path], environ={})
    assert [str(note).removeprefix(f"{path}:") for note in loaded.notes] == [
        "8:52: no tool service `ordrs` is declared (did you mean `orders`?)",
        "15:18: no tool service `Stock` is declared (did you mean `stock`?)",
        "16:34: no tool service `stok` is declared (did you mean `stock`?)",
        "19:31: no tool service `ORDERS` is declared (did you mean `orders`?)",
        "20:43: no tool service `order` is declared (did you mean `orders`?)",
        "32:46: no tool service `lokal` is declared (did you mean `local`?)",
    ]
    assert loaded.services == {"stock", "orders"}
    known = {*loaded.services, "ordrs", "Stock", "stok", "ORDERS", "order", "lokal", "crm1"}
    (crm, also) = misspelt(loaded.tools, known)
    assert (crm.line, also.line, crm.hint) == (8, 20, "did you mean `crm1`?")
    (local,) = misspelt_local(loaded.tools, ["loook", "find"])
    assert str(local) == f"{path}:8:78: no local tool is named `look` (did you mean `loook`?)"
    assert list(misspelt_local(loaded.tools, ["look", "loook"])) == []
