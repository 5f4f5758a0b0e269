"""Journeys with states through the real daemon: made, kept over restarts, healed; and elsewhere."""

from __future__ import annotations

import httpx

from tests.e2e.harness import Daemon, Place, wait_for
from tests.e2e.test_elsewhere import elsewhere
from tests.e2e.test_embedded import PORT, actions
from tests.parlant_server.process import ParlantProcess

TOOLS = """
import parlant.sdk as p


@p.tool
async def free_days(context: p.ToolContext, week: str) -> p.ToolResult:
    return p.ToolResult({"days": week})
"""

CLINIC = """
apiVersion: otto/v1
kind: Bot
metadata: {id: clinic}
spec:
  name: Clinic
  guidelines: [{id: greet, condition: They greet, action: Greet}]
  journeys:
    - id: visit
      title: Visit
      description: Book a visit.
      conditions: [They want a visit]
      guidelines: [{id: urgent, condition: It is urgent, action: Call}]
      states:
        - chat: Ask for the week
        - STEP
        - id: offer
          chat: Offer the days
          description: Three at most
          next: [{when: one suits, to: pay}, {when: none suits, to: other}]
        - {id: other, chat: Ask for another week, next: offer}
        - {id: pay, journey: paying}
    - id: paying
      title: Paying
      description: Pay.
      conditions: [They want to pay]
      states: [{chat: Take the card}]
"""
VISIT = "/journeys/clinic.visit"


def chart(daemon: Daemon) -> str:
    answer = httpx.get(f"{daemon.url}{VISIT}/mermaid", timeout=30)
    return answer.text if answer.is_success else ""


def bound_to_visit(daemon: Daemon) -> bool:
    found = daemon.get("/relationships", tag_id="journey:clinic.visit", indirect="false")
    return [r["source_guideline"]["id"] for r in found] == ["clinic.urgent"]


def test_states_are_made_kept_and_healed(place: Place) -> None:
    text = CLINIC.replace("STEP", "{tool: free_days, instruction: Look the week up}")
    path = place.write("clinic.yaml", text)
    tools = place.folder / "tools.py"
    tools.write_text(TOOLS)
    with place.forked(*PORT, "--tools", str(tools)) as daemon:
        daemon.wait_synced("clinic")
        first = chart(daemon)
        assert "Look the week up" in first
        assert "Take the card" in first

        daemon.call("DELETE", VISIT)
        wait_for("the states are back", lambda: chart(daemon) == first)
        wait_for("and its guideline is bound to it", lambda: bound_to_visit(daemon))
        daemon.wait_synced("clinic")

        unseen = text.replace("Three at most", "Two at most")
        other = place.folder / "other.yaml"
        other.write_text(unseen)
        shown = place.command("diff", "-f", str(other))
        assert shown.returncode == 2, shown.stdout
        assert "clinic.visit" in shown.stdout
        path.write_text(unseen)
        wait_for("it is taken", lambda: daemon.bot("clinic").get("revision") == 2)
        daemon.wait_synced("clinic")
        replaced = [a for a in actions(place) if a["operation"] == "replace"]
        assert [(a["key"], a["cause"]) for a in replaced] == [("clinic.visit", "PendingChange")]
        assert chart(daemon) == first
        assert daemon.get("/relationships")  # nothing dangles
    with place.forked(*PORT, "--tools", str(tools)) as daemon:
        daemon.wait_synced("clinic")
        assert chart(daemon) == first
        done = place.command("diff")
        assert done.returncode == 0, done.stdout


def test_a_server_elsewhere_gets_all_but_the_states(place: Place, parlant: ParlantProcess) -> None:
    path = place.write("clinic.yaml", CLINIC.replace("STEP", "chat: Look the week up"))
    why = "states of a journey can only be made in the process that hosts Parlant"
    checked = place.command("validate", "--target", parlant.url)
    assert checked.returncode == 1
    assert f"{path.relative_to(place.folder)}:9:7: journey/clinic.visit" in checked.stderr
    assert why in checked.stderr
    with elsewhere(place, parlant.url) as daemon:
        wait_for("the guidelines", lambda: daemon.guideline("clinic.greet"))
        wait_for("the reason", lambda: why in str(daemon.bot("clinic").get("message")))
        assert daemon.bot("clinic")["sync"] == "OutOfSync"
        assert daemon.bot("clinic")["health"] == "Degraded"
        done = place.command("diff", "--parlant-url", parlant.url)
        assert done.returncode == 2
        assert why in done.stdout
        assert not [a for a in actions(place) if a["kind"] == "journey"]
