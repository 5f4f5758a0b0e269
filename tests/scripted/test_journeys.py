"""The scripted model walks a journey with a tool, a fork and ends: any bot, over the chat API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.otto.chatting import Chat
from tests.persistence.program import Program
from tests.scripted.service import Turn, service

CLINIC = """
import asyncio
import os

import parlant.sdk as p

from tests.scripted.test_journeys import factory


@p.tool
async def free_days(context: p.ToolContext, week: str) -> p.ToolResult:
    return p.ToolResult({"days": f"Monday of {week}"})


async def main() -> None:
    async with p.Server(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        tool_service_port=int(os.environ["TOOL_PORT"]),
        nlp_service=factory,
    ) as server:
        agent = await server.create_agent("Clinic", "Makes appointments.", id="clinic")
        visit = await agent.create_journey("Visit", "Books a visit.", ["They want a visit"])
        week = await visit.initial_state.transition_to(chat_state="Ask for the week")
        look = await week.target.transition_to(tool_state=free_days, condition="A week is said")
        days = await look.target.transition_to(chat_state="Offer the days")
        await days.target.transition_to(chat_state="Confirm the day", condition="A day is taken")
        await days.target.transition_to(chat_state="Give the number", condition="No day fits")


asyncio.run(main())
"""


class Receptionist:
    """Goes on where a condition says what the customer has just said, and where there is none."""

    def applies(self, guideline_id: str, condition: str, turn: Turn) -> bool:
        return True

    def calls(self, tool: str, turn: Turn) -> Sequence[Mapping[str, str]]:
        return [{"week": turn.last.partition(": ")[2]}]

    def goes_on(self, journey: str, turn: Turn) -> bool:
        return True

    def chooses(self, journey: str, conditions: Mapping[str, str], turn: Turn) -> str:
        assert journey == "Visit"
        said = turn.last.partition(": ")[0]
        right = {key for key, text in conditions.items() if not text or said in text}
        return min(right, default="0")

    def says(self, turn: Turn) -> str:
        return "; ".join([*turn.guided, *(result["days"] for result in turn.results)])


factory = service(Receptionist)


@pytest.mark.timeout(200)
def test_a_journey_is_walked_through_its_tool_to_one_of_its_ends(tmp_path: Path) -> None:
    with Program(tmp_path, CLINIC) as program:
        url = str(program.http.base_url)
        for end, said in (
            ("No day fits", "Give the number"),
            ("A day is taken", "Confirm the day"),
        ):
            chat = Chat(url, "clinic")
            assert chat.say("Hello") == "Ask for the week"
            assert chat.say("Hm") == "Ask for the week"
            assert chat.say("A week is said: 12") == "Offer the days; Monday of 12"
            assert chat.say(end) == said
