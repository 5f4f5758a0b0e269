"""One conversation with a real model: run where OPENAI_API_KEY is set, else reported as not run."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Place, wait_for
from tests.otto.chatting import Chat
from tests.otto.shop import agents, kept, there
from tests.support.processes import OUTSIDE, PERSONS

KEY = PERSONS.get("OPENAI_API_KEY", "")
WISH = """\
I need a bot named Fern Finder for our plant shop. Purpose: help customers choose a house plant.
Scope: plants that we sell, nothing else. Target users: customers of the shop. Use cases: choosing a
plant for a dark room, watering advice. Tone: warm. Personality: patient. Tools: none.
Constraints: short answers. Guardrails: no medical advice, no prices. I have no further wishes:
choose guidelines and journeys yourself, and show me the whole specification."""
TURNS = 8


@pytest.mark.skipif(not KEY, reason="not run: OPENAI_API_KEY is not set")
@pytest.mark.timeout(900)
def test_a_real_model_makes_a_bot(place: Place) -> None:
    with place.daemon("--port", "0", "--nlp", "openai", **OUTSIDE, OPENAI_API_KEY=KEY) as daemon:
        chat = Chat(daemon.url)
        chat.say(WISH)
        assert agents(daemon.url) == [], "nothing may be made before a yes"
        for _ in range(TURNS):
            chat.say("Yes, this is right. Please create it exactly so.")
            if agents(daemon.url):
                break
        (bot_id,) = agents(daemon.url)
        wait_for("kept", lambda: list(kept(daemon)) == [bot_id])
        assert kept(daemon)[bot_id][0].source.session == chat.session
        bot = there(daemon.url, bot_id)
        assert "fern" in bot.name.lower()
        assert bot.guidelines
        assert bot.journeys
