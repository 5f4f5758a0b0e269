"""The healthcare and travel examples on the daemon, with their tools hosted as local ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT, Place
from tests.otto.chatting import Chat
from tests.persistence.patient import WANTS

EXAMPLES = ("healthcare", "travel")
MODEL = ("--nlp", "tests.persistence.patient:factory", "--evaluate", "off")


@pytest.mark.timeout(240)
def test_a_patient_is_walked_through_the_tools_to_the_end(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for name in EXAMPLES:
        shutil.copy(ROOT / "manifests" / f"{name}.yaml", place.manifests)
    shutil.copytree(ROOT / "manifests" / "tools", place.folder / "tools")
    tools = [word for name in EXAMPLES for word in ("--tools", f"tools/{name}.py")]
    with place.forked("--port", "0", *MODEL, *tools) as daemon:
        daemon.wait_up()
        assert "2 of 2 bots Synced" in daemon.output
        chat = Chat(daemon.url, "healthcare")
        assert chat.say(WANTS) == "Find out why they want to be seen"
        assert "Monday 10 AM" in chat.say("My head aches")
        assert "Repeat what was agreed" in chat.say("The patient chooses a time")
        said = chat.say("The patient says that it is right")
        assert "Say that the appointment is made" in said
        assert "2030-05-06" in said  # what the tool was told
        assert "Mega Insurance" in chat.say("The patient wants to know about insurance")
