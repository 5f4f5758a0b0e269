"""Canned responses, variables, capabilities and customers with the real command."""

from __future__ import annotations

from typing import Any

from tests.e2e.harness import Daemon, Place, wait_for

BOT = """\
apiVersion: otto/v1
kind: Bot
metadata: {id: desk}
spec:
  name: Desk
  composition_mode: strict
  guidelines:
    - {id: greet, condition: Somebody greets, canned_responses: [hello]}
    - {id: upset, condition: They are upset}
    - {id: loyal, condition: They were here before}
  relationships:
    - {kind: dependency_any, source: greet, target: upset}
    - {kind: dependency_any, source: greet, target: loyal}
  canned_responses:
    - id: hello
      value: Hello {{name}}
      fields: [{name: name, description: Who, examples: [Anna]}]
    - {id: offer, value: May I help?, signals: [help], metadata: {tone: warm}}
  variables:
    - {name: plan, description: What they pay for, values: {default: basic, "tag:vip": gold}}
    - {name: orders, tool: "crm:orders"}
  capabilities:
    - {title: Lend a phone, description: While theirs is repaired, signals: [It broke]}
  customers:
    - {id: anna, name: Anna, tags: [vip]}
"""
PATHS = ("canned_responses", "context-variables", "capabilities", "customers")


def everything(daemon: Daemon) -> dict[str, list[tuple[Any, ...]]]:
    """What Parlant holds of these kinds, apart from the ids that it gave."""
    names = {tag["id"]: tag["name"] for tag in daemon.get("/tags")}

    def told(one: dict[str, Any]) -> tuple[Any, ...]:
        tags = sorted(names.get(tag, tag) for tag in one["tags"])
        said = {key: one[key] for key in sorted(one) if key not in ("id", "tags", "creation_utc")}
        return repr(said), tags

    found = {path: sorted(map(told, daemon.get(f"/{path}"))) for path in PATHS}
    (plan,) = daemon.get("/context-variables")
    values = daemon.get(f"/context-variables/{plan['id']}")["key_value_pairs"]
    found["values"] = sorted(
        (names.get(key.removeprefix("tag:"), key), value["data"]) for key, value in values.items()
    )
    return found


def degraded_for(daemon: Daemon, what: str) -> bool:
    bot = daemon.bot("desk")
    return bool(bot) and bot["health"] == "Degraded" and what in (bot["message"] or "")


def harm(daemon: Daemon) -> None:
    """By somebody else: some are changed, some are deleted."""
    hello, offer = sorted(daemon.get("/canned_responses"), key=lambda one: str(one["value"]))
    daemon.call("PATCH", f"/canned_responses/{hello['id']}", {"value": "Go away"})
    daemon.call("DELETE", f"/canned_responses/{offer['id']}")
    (plan,) = daemon.get("/context-variables")
    daemon.call("PATCH", f"/context-variables/{plan['id']}", {"description": "Nothing"})
    daemon.call("PUT", f"/context-variables/{plan['id']}/DEFAULT", {"data": "none"})
    (lend,) = daemon.get("/capabilities")
    daemon.call("DELETE", f"/capabilities/{lend['id']}")
    daemon.call("PATCH", "/customers/anna", {"name": "Nobody"})


def counts(daemon: Daemon) -> list[int]:
    return [len(daemon.get(f"/{path}")) for path in PATHS]


def test_all_are_put_there_kept_and_restored_once_each(place: Place) -> None:
    place.write("desk.yaml", BOT)
    run = ("--port", "0", "--nlp", "offline", "--interval", "1")
    with place.forked(*run) as daemon:
        wait_for("all but the tool", lambda: degraded_for(daemon, "crm:orders"))
        first = everything(daemon)
        assert [len(first[path]) for path in PATHS] == [2, 1, 1, 2]
        assert first["values"] == [("DEFAULT", "basic"), ("vip", "gold")]
        (hello,) = daemon.get("/canned_responses", tags="guideline:desk.greet")
        assert hello["value"] == "Hello {{name}}"
        assert "agent:desk" not in hello["tags"]
        harm(daemon)
        wait_for("all is mended", lambda: everything(daemon) == first)
    with place.forked(*run) as daemon:
        assert everything(daemon) == first
        place.write("desk.yaml", BOT.replace('    - {name: orders, tool: "crm:orders"}\n', ""))
        daemon.wait_synced("desk")
        assert place.command("diff").returncode == 0
        # Parlant answers 500 for what has a `dependency_any`: no fault, as foreseen.
        assert "Parlant: " not in daemon.output
        exported = place.command("export", "desk").stdout
        place.write("desk.yaml", exported)
        assert place.command("validate", "manifests").returncode == 0
        assert place.command("diff", "-f", "manifests").returncode == 0
        place.write("desk.yaml", BOT[: BOT.index("  guidelines")])
        wait_for("all is gone but the guest", lambda: counts(daemon) == [0, 0, 0, 1])
