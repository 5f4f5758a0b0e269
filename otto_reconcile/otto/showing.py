"""A bot in plain lines, as a customer is to be shown it before a yes. For the workshop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otto_reconcile import specification
from otto_reconcile.otto import specs
from otto_reconcile.resources import Bot


def shown(bot: Bot) -> list[str]:
    """All of a specification, a line to each thing that it says."""
    data: dict[str, Any] = specs.written(bot)
    lines = [_line(name, "; ".join(data[name])) for name in specification.LINES if data[name]]
    for name in ("composition_mode", "max_engine_iterations"):
        lines += [_line(name, data[name])] if name in data else []
    lines += [_guideline(part) for part in data["guidelines"]]
    lines += [_journey(part) for part in data["journeys"]]
    return [*lines, *(_relationship(tie) for tie in data.get("relationships", ()))]


def unserved(bot: Bot) -> list[str]:
    """The tools that were wished for and that no guideline has, a sentence each."""
    named = {tool.rpartition(":")[2] for g in bot.guidelines for tool in g.tools or ()}
    wishes: Any = specs.written(bot)["tools"]
    return [
        f"the tool {wish!r}: no guideline of the bot has one of that name, so it cannot be called"
        for wish in wishes
        if not any(name.casefold() in wish.casefold() for name in named)
    ]


def goes(bot: Bot) -> list[str]:
    """All that a deletion takes away, a line each."""
    return [f"{kind}: {what}" for kind, what in _parts(bot)]


def _parts(bot: Bot) -> Iterator[tuple[str, str]]:
    yield from (("guideline", g.condition) for g in bot.guidelines)
    yield from (("journey", j.title) for j in bot.journeys)
    yield from (("term", t.name) for t in bot.terms)
    yield from (("canned response", c.value) for c in bot.canned_responses)
    yield from (("variable", v.name) for v in bot.variables)
    yield from (("capability", c.title) for c in bot.capabilities)
    yield from (("customer", c.id) for c in bot.customers)
    yield from (("tool service", s.name) for s in bot.tool_services)
    yield from (("relationship", f"{r.source} {r.kind} {r.target}") for r in bot.relationships)


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
