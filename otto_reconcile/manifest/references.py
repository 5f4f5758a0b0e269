"""Resolves what the two ends of a relationship name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from otto_reconcile.manifest.ids import complete
from otto_reconcile.manifest.messages import near, short
from otto_reconcile.model import Relationship
from otto_reconcile.model.relationship import whole

KINDS = ("guideline", "journey", "agent", "tag", "any", "tool")
EXACT = "exact:"
_TAG_LENGTH = 50


@dataclass
class Index:
    """Complete ids of all that is loaded: for `guideline`, `journey` and `agent` the bot of each.

    `unsure` are bots of which something could not be read: nothing is said to be missing there.
    """

    known: Mapping[str, dict[str, str]] = field(
        default_factory=lambda: {"guideline": {}, "journey": {}, "agent": {}}
    )
    unsure: set[str] = field(default_factory=set)

    def of_bot(self, kind: str, bot_id: str) -> list[str]:
        return sorted(name for name, owner in self.known[kind].items() if owner == bot_id)


class Wrong(NamedTuple):
    """Why an end names nothing."""

    message: str
    hint: str | None = None


def resolve(text: str, bot_id: str, index: Index) -> str | Wrong | None:
    """The endpoint (`guideline:<complete id>`); None if that cannot be known for other faults."""
    kind, colon, name = text.partition(":")
    if "\n" in text:
        return Wrong("what a relationship names is written on one line")
    if not colon:
        return _bare(text, bot_id, index)
    if kind not in KINDS:
        hint = near(kind, KINDS) or f"one of {', '.join(KINDS)} stands before the colon"
        return Wrong(f"`{short(text)}` names nothing: `{short(kind)}:` is not known", hint)
    if kind in ("tag", "any"):
        return _tag(kind, name)
    if kind == "tool":
        return _tool(name)
    return _typed(kind, name, bot_id, index)


def _bare(text: str, bot_id: str, index: Index) -> str | Wrong | None:
    for kind in ("guideline", "journey"):
        found = _own(kind, text, bot_id, index)
        if found is not None:
            return f"{kind}:{found}"
    if bot_id in index.unsure:
        return None
    known = [
        name.removeprefix(f"{bot_id}.")
        for kind in ("guideline", "journey")
        for name in index.of_bot(kind, bot_id)
    ]
    hint = near(text, known) or "name a guideline or journey of this bot by its id"
    return Wrong(f"this bot has no guideline and no journey `{short(text)}`", hint)


def _own(kind: str, name: str, bot_id: str, index: Index) -> str | None:
    for candidate in (name, complete(bot_id, name)):
        if index.known[kind].get(candidate) == bot_id:
            return candidate
    return None


def _typed(kind: str, name: str, bot_id: str, index: Index) -> str | Wrong | None:
    if name.startswith(EXACT):
        return f"{kind}:{name.removeprefix(EXACT)}" if len(name) > len(EXACT) else _empty(kind)
    if not name:
        return _empty(kind)
    if name in index.known[kind]:
        return f"{kind}:{name}"
    own = complete(bot_id, name)
    if own in index.known[kind]:
        return f"{kind}:{own}"
    owners = [bot_id, *(bot for bot in index.unsure if name.startswith(f"{bot}."))]
    if index.unsure.intersection(owners) or (kind == "agent" and name in index.unsure):
        return None
    known = [n.removeprefix(f"{bot_id}.") for n in index.known[kind]]
    hint = near(name, known) or f"for one that stands in no manifest here: `{kind}:{EXACT}{name}`"
    thing = "bot" if kind == "agent" else kind
    return Wrong(f"there is no {thing} `{short(name)}`", hint)


def _tag(kind: str, name: str) -> str | Wrong:
    if not name.strip() or len(name) > _TAG_LENGTH:
        return Wrong(f"the name of a tag has 1 to {_TAG_LENGTH} characters")
    return f"{kind}:{name}"


def _tool(name: str) -> str | Wrong:
    if name.count(":") > 1:
        return Wrong(f"`{short(name)}` names no tool", "write `tool:SERVICE:TOOL`")
    if not name or name.startswith(":") or name.endswith(":"):
        return Wrong("the name of a tool is missing", "write `tool:SERVICE:TOOL`")
    return f"tool:{name}"


def _empty(kind: str) -> Wrong:
    return Wrong(f"the id of the {kind} is missing", f"write `{kind}:ID`")


def written(endpoint: str, bot_id: str, index: Index) -> str:
    """The shortest text that `resolve` takes for this endpoint."""
    kind, _, name = endpoint.partition(":")
    if kind in ("tag", "any", "tool"):
        return endpoint
    bare = name.removeprefix(f"{bot_id}.")
    for text in (bare, f"{kind}:{bare}", endpoint):
        if ":" in bare and text == bare:
            continue
        if resolve(text, bot_id, index) == endpoint:
            return text
    return f"{kind}:{EXACT}{name}"


def cycles(relationships: Iterable[Relationship], report: Callable[[int, list[str]], None]) -> None:
    """Reports each relationship (by its index) that closes a circle of its kind, and the circle."""
    graph: dict[tuple[str, str], list[str]] = {}
    for number, relationship in enumerate(relationships):
        kind = relationship.kind.removesuffix("_any")  # Parlant sees circles through both
        target = whole(relationship.target)
        way = _way(graph, kind, target, relationship.source)
        if way is not None:
            report(number, [relationship.source, *way])
        else:
            graph.setdefault((kind, relationship.source), []).append(target)


def _way(
    graph: Mapping[tuple[str, str], list[str]], kind: str, start: str, goal: str
) -> list[str] | None:
    came: dict[str, str | None] = {start: None}
    todo = [start]
    while todo:
        here: str | None = todo.pop()
        assert here is not None
        if here == goal:
            way = []
            while here is not None:
                way.append(here)
                here = came[here]
            return way[::-1]
        for following in graph.get((kind, here), ()):
            if following not in came:
                came[following] = here
                todo.append(following)
    return None
