"""The scripted model walks journeys that begin under conditions and that go from tool to tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.e2e.harness import Place
from tests.otto.chatting import Chat
from tests.scripted.service import Turn, service

TOOLS = """
import parlant.sdk as p


@p.tool
async def look(context: p.ToolContext, number: str) -> p.ToolResult:
    return p.ToolResult({"said": f"no record of {number}"})


@p.tool
async def check(context: p.ToolContext, number: str) -> p.ToolResult:
    return p.ToolResult({"said": f"{number} checked"})


@p.tool
async def close(context: p.ToolContext, number: str) -> p.ToolResult:
    return p.ToolResult({"said": f"{number} closed"})
"""

DESK = """
apiVersion: otto/v1
kind: Bot
metadata: {id: desk}
spec:
  name: Desk
  composition_mode: fluid
  max_engine_iterations: 5
  journeys:
    - id: payment
      title: Payment
      description: Finds a payment.
      conditions: [A payment is missing]
      states:
        - fork: [{when: They know the number, to: look}, {when: They have no number, to: ask}]
        - {id: look, tool: look}
        - {tool: check, instruction: Check it as well}
        - {chat: Say what was found, next: more}
        - id: more
          fork: [{when: That is all, to: close}, {when: It goes on, to: ask}]
        - {id: ask, chat: Ask for the number, next: [{when: They know the number, to: look}]}
        - {id: close, tool: close}
"""


class Clerk:
    """Goes on where a condition is part of what the customer said, and where a step is done."""

    def applies(self, guideline_id: str, condition: str, turn: Turn) -> bool:
        return True

    def calls(self, tool: str, turn: Turn) -> Sequence[Mapping[str, str]]:
        return [{"number": turn.last.partition(": ")[2]}]

    def goes_on(self, journey: str, turn: Turn) -> bool:
        return True

    def chooses(self, journey: str, conditions: Mapping[str, str], turn: Turn) -> str:
        said = turn.last.partition(": ")[0]
        right = {
            key for key, text in conditions.items() if "is done" in text or said in text.split("; ")
        }
        return min(right, default="0")

    def says(self, turn: Turn) -> str:
        return "; ".join([*turn.guided, *(result["said"] for result in turn.results)])


factory = service(Clerk)


@pytest.mark.timeout(240)
def test_journey_begins_by_conditions_and_goes_from_tool_to_tool(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (place.manifests / "desk.yaml").write_text(DESK)
    (place.folder / "tools.py").write_text(TOOLS)
    model = ("--nlp", "tests.scripted.test_begins:factory", "--evaluate", "off")
    with place.forked("--port", "0", *model, "--tools", "tools.py") as daemon:
        daemon.wait_up()
        assert "1 of 1 bot Synced" in daemon.output
        chat = Chat(daemon.url, "desk")
        first = chat.say("They know the number: 12")
        assert first == "Say what was found; no record of 12; 12 checked"
        assert chat.say("It goes on") == "Ask for the number"
        again = chat.say("They know the number: 13")
        assert again == "Say what was found; no record of 13; 13 checked"
        assert chat.say("That is all: 13") == "13 closed"
        assert chat.say("Thank you") == ""
        other = Chat(daemon.url, "desk")
        assert other.say("They have no number") == "Ask for the number"
