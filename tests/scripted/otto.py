"""Plays Otto: a customer states facts as `Field: value`, or pastes a specification, and says yes.

It asks for the first field that is open, proposes when none is, and calls a tool only where one of
Otto's guidelines says so; with the draft of what was shown, unless the yes is to be `word for
word`. Told to make or change something `at once`, it is a model that breaks them; told to take its
time, one that is not done when the customer writes again. Any other agent introduces itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from otto_reconcile.manifest.specification import LINES
from tests.scripted.service import Interrupted, Turn, service

FIELDS = ("name", *LINES)
PROPOSAL = "Shall I create it so?"
CHANGE = "Shall I change it so?"
CONFIRM = "to confirm"
WHY = {
    "name": "customers have to call it something",
    "purpose": "all else follows from it",
    "scope": "the bot must know what is not its business",
}
DEFAULTS: dict[str, Any] = {
    "guidelines": [
        {"condition": "The customer greets", "action": "Greet back and name the shop"},
        {"condition": "The customer asks for a person", "action": "Give the telephone number"},
    ],
    "journeys": [
        {
            "title": "Find an order",
            "description": "Ask for the number, look it up, tell where it is.",
            "conditions": ["The customer asks where an order is"],
        }
    ],
}


class Otto:
    def applies(self, guideline_id: str, condition: str, turn: Turn) -> bool:
        if turn.agent != "Otto":
            return True
        key = guideline_id.removeprefix("otto.")
        return key in (_after(turn) if turn.results else _before(turn))

    def calls(self, tool: str, turn: Turn) -> Sequence[Mapping[str, str]]:
        bot = _target(turn)
        if tool == "create_parlant_bot":
            return [{"spec_json": _agreed(turn)}]
        if tool == "validate_bot_spec":
            return [{"spec_json": _draft(turn) or "", **({"bot": bot} if bot else {})}]
        if tool == "update_parlant_bot":
            return [{"bot": bot, "spec_json": _agreed(turn)}]
        if tool == "delete_parlant_bot":
            return [{"bot": bot, "confirmed_name": turn.last if CONFIRM in turn.before else ""}]
        if tool == "show_parlant_bot":
            return [{"bot": bot if _wants_change(turn) else turn.last.partition(" ")[2]}]
        return [{}]

    def goes_on(self, journey: str, turn: Turn) -> bool:
        if any(PROPOSAL in text for who, text in turn.said if who == "ai_agent"):
            return turn.last.lower().startswith("yes")
        return _draft(turn) is not None

    def says(self, turn: Turn) -> str:
        if turn.agent != "Otto":
            return f"Hello, this is {turn.agent}."
        if turn.last.lower().startswith("take your time"):
            raise Interrupted
        asked = "what guides you" in turn.last.lower()
        return " ".join([*(turn.guided if asked else ()), self._answer(turn)])

    def _answer(self, turn: Turn) -> str:
        if turn.results:
            return _told(turn.results[-1])
        if _no(turn):
            return "Nothing is created. What should be different?"
        field = next((name for name in FIELDS if name not in _facts(turn)), "name")
        why = WHY.get(field, "it decides how the bot answers")
        return f"What is its {field.replace('_', ' ')}? It matters because {why}."


def _before(turn: Turn) -> set[str]:
    """Otto's rules that hold before a tool was called."""
    last = turn.last.lower()
    rules = {
        "wants-a-bot": bool(_facts(turn)) or _pasted(turn.last) is not None,
        "check-draft": _draft(turn) is not None
        and _states_something(turn.last)
        and not re.match("make at once|change|yes", last),
        "create-after-yes": _is_yes(last, PROPOSAL, turn) or last.startswith("make at once"),
        "update-after-yes": _is_yes(last, CHANGE, turn) or last.startswith("change at once"),
        "no-means-no": _no(turn),
        "list-bots": "which bots" in last,
        "show-bot": last.startswith("show ") or _wants_change(turn),
        "delete-bot": last.startswith("delete ") or CONFIRM in turn.before,
    }
    return {key for key, holds in rules.items() if holds}


def _after(turn: Turn) -> set[str]:
    """Those that follow from what a tool has just answered."""
    data = turn.results[-1]
    rules = {
        "check-draft": "specification" in data and _wants_change(turn),
        "show-and-ask": _to_be_shown(data),
        "explain-problems": bool(data.get("problems")),
        "name-taken": data.get("problem") == "taken",
        "say-not-saved": data.get("saved") is False
        or bool(data.get("not_possible") or data.get("meanwhile")),
    }
    return {key for key, holds in rules.items() if holds}


def _is_yes(text: str, question: str, turn: Turn) -> bool:
    return text.startswith("yes") and question in turn.before


def _to_be_shown(data: Mapping[str, Any]) -> bool:
    valid = data["message"].startswith("The specification is valid")
    return valid or data.get("problem") == "unconfirmed"


def _wants_change(turn: Turn) -> bool:
    return re.match("change (?!at once)", turn.last.lower()) is not None


def _no(turn: Turn) -> bool:
    return turn.last.lower().startswith("no")


def _states_something(text: str) -> bool:
    return _pasted(text) is not None or bool(_stated(text))


def _stated(text: str) -> dict[str, str]:
    if _pasted(text) is not None:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    named = ((label.strip().lower().replace(" ", "_"), value.strip()) for label, _, value in pairs)
    return {label: value for label, value in named if label in FIELDS and value}


def _facts(turn: Turn) -> dict[str, str]:
    facts: dict[str, str] = {}
    for who, text in turn.said:
        if who == "user":
            facts |= _stated(text)
    return facts


def _pasted(text: str) -> str | None:
    found = re.search(r"""\{\s*["'}].*\}""", text, re.DOTALL)
    return found[0] if found else None


def _draft(turn: Turn) -> str | None:
    """What was pasted last, else the specification made of all facts, once they are all there."""
    pasted = [p for who, text in turn.said if who == "user" and (p := _pasted(text))]
    if pasted:
        return pasted[-1]
    facts = _facts(turn)
    if set(FIELDS) - facts.keys():
        return None
    lists = {name: [] if facts[name] == "none" else [facts[name]] for name in LINES}
    return json.dumps({"name": facts["name"], **lists, **DEFAULTS})


def _agreed(turn: Turn) -> str:
    """The draft that was shown last; all of it where there is none, or the customer wants it so."""
    drafts = [str(data["draft"]) for data in turn.earlier if "draft" in data]
    in_full = _pasted(turn.last) is not None or "word for word" in turn.last
    return drafts[-1] if drafts and not in_full else _draft(turn) or ""


def _target(turn: Turn) -> str:
    """The bot that the customer wanted changed or deleted last."""
    for who, text in reversed(turn.said):
        found = re.match(r"(?:change(?: at once)?|delete) (.+?)(?: to \{|$)", text, re.IGNORECASE)
        if who == "user" and found:
            return found[1]
    return ""


def _told(data: Mapping[str, Any]) -> str:
    if _to_be_shown(data):
        lines = [f"- {line}" for line in data.get("to_show", ())]
        lines += [f"It {change}." for change in data.get("changes", ())]
        lines += [f"This is not possible: {what}." for what in data.get("not_possible", ())]
        question = CHANGE if "changes" in data else PROPOSAL
        return "\n".join([f"This is {data['name']}.", *lines, question])
    parts = [data["message"]]
    parts += [f"{p['where']}: {p['problem']} ({p['hint']})." for p in data.get("problems", ())]
    parts += [f"This was not possible: {what}." for what in data.get("not_possible", ())]
    parts += [f"With it goes the {what}." for what in data.get("goes", ())]
    parts += [f"{b['bot_id']} is {b['name']}." for b in data.get("bots", ()) if isinstance(b, dict)]
    if "bot_id" in data:
        parts.append(f"Its id is {data['bot_id']}.")
    parts += [str(data[name]) for name in ("chat", "chat_url", "question") if data.get(name)]
    parts += [f"Meanwhile: {text}" for text in data.get("meanwhile", ())]
    if "specification" in data:
        parts.append(json.dumps(data["specification"]))
    return " ".join(parts)


factory = service(Otto)
