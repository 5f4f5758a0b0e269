"""A bot in plain lines, as a customer is to be shown it before a yes. For `service`."""

from __future__ import annotations

from typing import Any

from otto_reconcile.manifest import specification
from otto_reconcile.model import Bot
from otto_reconcile.model.groups import GROUPS, caption
from otto_reconcile.otto import spec_codec


def shown(bot: Bot) -> list[str]:
    """All of a specification, a line to each thing that it says."""
    data: dict[str, Any] = spec_codec.written(bot)
    lines = [_line(name, "; ".join(data[name])) for name in specification.LINES if data[name]]
    for name in ("composition_mode", "max_engine_iterations"):
        lines += [_line(name, data[name])] if name in data else []
    lines += [_guideline(part) for part in data["guidelines"]]
    lines += [_journey(part) for part in data["journeys"]]
    return [*lines, *(_relationship(tie) for tie in data.get("relationships", ()))]


def unserved(bot: Bot) -> list[str]:
    """The tools that were wished for and that no guideline has, a sentence each."""
    named = {tool.rpartition(":")[2] for g in bot.guidelines for tool in g.tools or ()}
    wishes: Any = spec_codec.written(bot)["tools"]
    return [
        f"the tool {wish!r}: no guideline of the bot has one of that name, so it cannot be called"
        for wish in wishes
        if not any(name.casefold() in wish.casefold() for name in named)
    ]


def goes(bot: Bot) -> list[str]:
    """All that a deletion takes away, a line each."""
    return [
        f"{group.kind.replace('_', ' ')}: {caption(part)}"
        for group in GROUPS.values()
        for part in group.of(bot)
    ]


def _line(name: str, value: object) -> str:
    return f"{name.replace('_', ' ').capitalize()}: {value}"


def _guideline(part: dict[str, Any]) -> str:
    line = f"Guideline: {part['condition']}"
    line += f" -> {part['action']}" if part.get("action") else ""
    extra = [part["criticality"]] if "criticality" in part else []
    extra += [f"with {', '.join(part['tools'])}"] if part.get("tools") else []
    return f"{line} ({', '.join(extra)})" if extra else line


def _journey(part: dict[str, Any]) -> str:
    return f"Journey: {part['title']}, when {'; '.join(part['conditions'])}. {part['description']}"


def _relationship(tie: dict[str, Any]) -> str:
    return f"Relationship: {tie['source']} {tie['type']} {tie['target']}"
