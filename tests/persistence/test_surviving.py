"""Conversations with a bot of ours that outlive `kill -9` of the program that hosts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otto_reconcile import manifest
from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.store.sqlite import SQLiteStore
from tests.otto.chatting import Chat
from tests.persistence.patient import WANTS
from tests.persistence.program import ROOT, Program

MANIFESTS = ROOT / "manifests"
HOST = (Path(__file__).parent / "host.py").read_text(encoding="utf-8")


class Conversation(Chat):
    """One session, wherever the program that has it is now."""

    def goes_on(self, program: Program) -> None:
        self._url = str(program.http.base_url)


@pytest.fixture
def clinic(tmp_path: Path) -> dict[str, str]:
    """What the program is told: a store with Parlant's healthcare example, and its tools."""
    store = SQLiteStore(tmp_path / "otto.db")
    (loaded,) = manifest.load([MANIFESTS / "healthcare.yaml"], environ={}).bots
    DesiredState(store).put(loaded.bot, source=Source("manifest"), actor="test")
    store.close()
    tools = str(MANIFESTS / "tools" / "healthcare.py")
    return {"STORE": str(tmp_path / "otto.db"), "TOOLS": tools}


def events(program: Program, session: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = program.get(f"/sessions/{session}/events")
    return found


def until_offered(program: Program) -> Conversation:
    """Begins, and comes through the journey's first tool."""
    chat = Conversation(str(program.http.base_url), "healthcare")
    assert chat.say(WANTS) == "Find out why they want to be seen"
    assert "Monday 10 AM" in chat.say("My head aches")
    return chat


def to_the_end(chat: Conversation) -> None:
    assert "Repeat what was agreed" in chat.say("The patient chooses a time")
    said = chat.say("The patient says that it is right")
    assert "Say that the appointment is made" in said
    assert "2030-05-06" in said  # what the second tool was told


@pytest.mark.timeout(300)
def test_conversations_go_on_in_their_sessions_after_a_kill(
    tmp_path: Path, clinic: dict[str, str]
) -> None:
    with Program(tmp_path, HOST, **clinic) as program:
        judging = set(program.asked)
        assert len(judging) > 3
        ended, midway = until_offered(program), until_offered(program)
        to_the_end(ended)
        before = [events(program, chat.session) for chat in (ended, midway)]
        program.kill()
    (tmp_path / "home" / "evaluation_cache.json").unlink()  # as on a machine that never evaluated
    with Program(tmp_path, HOST, **clinic) as program:
        for chat, were in zip((ended, midway), before, strict=True):
            assert program.get(f"/sessions/{chat.session}")["agent_id"] == "healthcare"
            assert events(program, chat.session) == were
            chat.goes_on(program)
        assert "Mega Insurance" in ended.say("The patient wants to know about insurance")
        to_the_end(midway)
        for chat, were in zip((ended, midway), before, strict=True):
            assert events(program, chat.session)[: len(were)] == were
        assert not judging & set(program.asked)
