"""What bots share, from manifests to a real Parlant: made, changed, looked at, and taken away."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.e2e.harness import Daemon, Place, wait_for
from tests.parlant_server.process import ParlantProcess

BOT = """\
apiVersion: otto/v1
kind: Bot
metadata: {{id: {0}, labels: {{team: retail}}}}
spec: {{name: {0}, description: Helps., terms: [{{name: SKU, description: Of {0}.}}]}}
"""
WORDS = """\
apiVersion: otto/v1
kind: Glossary
metadata: {{id: words}}
spec:
  used_by: {{labels: {{team: retail}}}}
  terms:
    - {{name: RMA, description: {0}}}
    - {{name: SKU, description: Of all.}}
  guidelines:
    - {{id: stock, condition: The stock is asked, action: Look it up, tools: ["depot:look_up"]}}
  canned_responses: [{{id: sorry, value: Sold out.}}]
---
apiVersion: otto/v1
kind: ToolService
metadata: {{id: depot}}
spec: {{kind: sdk, url: "{1}"}}
"""
BOTS = ("desk", "shop")


def terms(daemon: Daemon, bot_id: str) -> dict[str, str]:
    found = daemon.get("/terms", tag_id=f"agent:{bot_id}")
    return {term["id"]: term["description"] for term in found}


def said(place: Place, *arguments: str) -> Any:
    return json.loads(place.command(*arguments, "-o", "json").stdout)


def applied(place: Place, file: str) -> None:
    done = place.command("apply", "-f", f"manifests/{file}", "--wait")
    assert done.returncode == 0, done.stderr


def test_bots_have_what_they_share_as_long_as_they_do(
    place: Place, parlant: ParlantProcess
) -> None:
    services = httpx.get(f"{parlant.url}/services", timeout=30).json()
    tools = next(service["url"] for service in services if service["name"] == "built-in")
    for bot_id in BOTS:
        place.write(f"{bot_id}.yaml", BOT.format(bot_id))
    place.write("words.yaml", WORDS.format("A number.", tools))
    with place.forked("--parlant-url", parlant.url) as daemon:
        daemon.wait_synced(*BOTS)
        for bot_id in BOTS:
            assert terms(daemon, bot_id) == {
                f"{bot_id}.rma": "A number.", f"{bot_id}.sku": f"Of {bot_id}.",
            }  # fmt: skip
            held = daemon.get(f"/guidelines/{bot_id}.stock")["tool_associations"]
            assert [one["tool_id"]["service_name"] for one in held] == ["depot"]
        assert len(daemon.get("/canned_responses")) == 2
        assert [s["name"] for s in daemon.get("/services")].count("depot") == 1
        place.write("words.yaml", WORDS.format("The number of a return.", tools))
        applied(place, "words.yaml")
        for bot_id in BOTS:
            assert terms(daemon, bot_id)[f"{bot_id}.rma"] == "The number of a return."
        assert [daemon.bot(bot_id)["revision"] for bot_id in BOTS] == [1, 1]
        _looked_at(place)
        (place.manifests / "words.yaml").unlink()
        _taken_away(place, daemon)


def _looked_at(place: Place) -> None:
    assert said(place, "diff")["summary"]["total"] == 0
    file = place.folder / "other.yaml"
    file.write_text(WORDS.format("Another.", "http://127.0.0.1:1"))
    differs = said(place, "diff", "-f", str(file))
    changed = {one["key"] for one in differs["changes"]["updating"]}
    assert differs["import"] == {"update": ["glossary/words", "toolservice/depot"]}
    assert changed == {"desk.rma", "shop.rma", "depot"}


def _taken_away(place: Place, daemon: Daemon) -> None:
    place.write("more.yaml", BOT.format("more"))
    wait_for("the guard", lambda: "refused to delete" in daemon.output)
    done = place.command("delete", "glossary/words", "toolservice/depot", "--yes")
    assert "glossary/words with 1 guideline, 2 terms, 1 canned response, used by" in done.stdout
    wait_for("gone", lambda: terms(daemon, "desk") == {"desk.sku": "Of desk."})
    wait_for("gone too", lambda: terms(daemon, "shop") == {"shop.sku": "Of shop."})
    wait_for("no service", lambda: "depot" not in str(daemon.get("/services")))
    assert daemon.get("/canned_responses") == []
    revisions = [event["revision"] for event in said(place, "history", "glossary/words")]
    assert revisions == [3, 2, 1]
