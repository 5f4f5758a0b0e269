"""Whose a part is that several bots want under one id; `target_state` asks it about each bot.

A target holds one guideline, journey, term or canned response to an id. Two bots that want it would
take it from each other forever. So one bot owns it: the one that has it on the target already; if
several have it, or none has, the first of them by id. The others wait and are told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from itertools import chain

from otto_reconcile.model import JSON, Ref, Resource, Shape, Snapshot, get_kind
from otto_reconcile.planning.order import BINDING
from otto_reconcile.records.applied import Applied


class Owners:
    """What bots may share (`Kind.shared`) is nobody's alone.

    `wanted` gives the resources of a bot, `former` the id that a bot says it had before;
    `wanting` gives the bots that may want a resource, at least all that do.
    """

    def __init__(
        self,
        wanted: Callable[[str], Snapshot],
        wanting: Callable[[Ref], Iterable[str]],
        former: Callable[[str], str | None],
    ) -> None:
        self._wanted, self._wanting, self._former = wanted, wanting, former

    def lost(self, bot_id: str, applied: Mapping[str, Applied]) -> dict[Ref, str]:
        """What this bot wants and another one owns, with the reason why it has to wait."""
        return {
            ref: f"the {_named(ref)} is that of bot {owner!r}: {self._advice(bot_id, owner)}"
            for ref, rivals in self._of(bot_id)
            if (owner := _owner(ref, rivals, applied)) != bot_id
        }

    def faults(self, bot_id: str, applied: Mapping[str, Applied]) -> tuple[str, ...]:
        """A sentence for each part that this bot and others want, whoever owns it."""
        lost = self.lost(bot_id, applied)
        return tuple(
            lost.get(ref)
            or f"the {_named(ref)} is wanted by bot {_others(bot_id, rivals)} too: "
            f"it stays with {bot_id!r}; {self._advice(bot_id, *rivals)}"
            for ref, rivals in self._of(bot_id)
        )

    def rivals(self, bot_ids: Collection[str]) -> frozenset[str]:
        """The other bots that want a part of any of these."""
        wanting = (rivals for bot_id in bot_ids for _, rivals in self._of(bot_id))
        return frozenset(chain.from_iterable(wanting)) - frozenset(bot_ids)

    def _advice(self, *bot_ids: str) -> str:
        for after in bot_ids:
            if (before := self._former(after)) in bot_ids and before != after:
                return f"{after!r} was {before!r} before, says its row: delete {before!r} if so"
        return "give one of them another id"

    def _of(self, bot_id: str) -> Iterator[tuple[Ref, list[str]]]:
        """What others want too, each with all that want it, sorted."""
        for ref in self._wanted(bot_id):
            perhaps = self._wanting(ref) if is_sole(ref) else ()
            rivals = sorted(other for other in perhaps if ref in self._wanted(other))
            if len(rivals) > 1:
                yield ref, rivals


def is_sole(ref: Ref) -> bool:
    """True for what bears the mark of one bot. A relationship is all in its key, and bears none."""
    return not get_kind(ref.kind).shared and ref.kind != BINDING


def _owner(ref: Ref, rivals: list[str], applied: Mapping[str, Applied]) -> str:
    having = [bot for bot in rivals if bot in applied and ref in applied[bot].resources]
    return having[0] if len(having) == 1 else rivals[0]


def _named(ref: Ref) -> str:
    return f"{ref.kind.replace('_', ' ')} {ref.key!r}"


def _others(bot_id: str, rivals: list[str]) -> str:
    return " and ".join(repr(other) for other in rivals if other != bot_id)


class SharedClaims:
    """Where bots differ, they would undo each other's changes forever.

    So the first of them by id has its way, and the others are told.
    """

    def __init__(self) -> None:
        self._of: dict[Ref, dict[str, Resource]] = {}
        self._by_bot: dict[str, frozenset[Ref]] = {}
        self._wishes: dict[Ref, list[Resource]] = {}  # each once, of the first bot that has it

    def put(self, bot_id: str, wanted: Snapshot) -> None:
        """What a bot wants from now on, in place of what it wanted before."""
        now = {resource.ref: resource for resource in _declared_and_shared(wanted)}
        for ref in self._by_bot.pop(bot_id, frozenset()) - now.keys():
            del self._of[ref][bot_id]
            self._wishes.pop(ref, None)
        for ref, resource in now.items():
            of = self._of.setdefault(ref, {})
            if bot_id not in of or of[bot_id].spec != resource.spec:
                self._wishes.pop(ref, None)
            of[bot_id] = resource
        if now:
            self._by_bot[bot_id] = frozenset(now)

    def _wishes_for(self, ref: Ref) -> list[Resource]:
        if ref not in self._wishes:
            wishes: list[Resource] = []
            for _, resource in sorted(self._of.get(ref, {}).items()):
                if all(resource.spec != other.spec for other in wishes):
                    wishes.append(resource)
            self._wishes[ref] = wishes
        return self._wishes[ref]

    def contested(self, bot_id: str, wanted: Snapshot) -> dict[Ref, str]:
        """What this bot wants otherwise than one before it, with the reason why it has to wait."""
        reasons: dict[Ref, str] = {}
        for resource in _declared_and_shared(wanted):
            for theirs in self._wishes_for(resource.ref):
                if theirs.bot_id >= bot_id:
                    break
                if names := _contradictions(resource, theirs):
                    who = f"bot {theirs.bot_id!r}"
                    reasons[resource.ref] = f"{who} wants another {' and '.join(names)}"
                    break
        return reasons


def _declared_and_shared(snapshot: Snapshot) -> Iterator[Resource]:
    return (r for r in snapshot.values() if r.spec and get_kind(r.kind).shared)


def _contradictions(one: Resource, other: Resource) -> list[str]:
    """The fields that both declare, and otherwise."""
    kind = get_kind(one.kind)
    return [
        name
        for name in sorted(one.spec.keys() & other.spec.keys())
        if _differ(kind.field(name).shape, one.spec[name], other.spec[name])
    ]


def _differ(shape: Shape, one: JSON, other: JSON) -> bool:
    if shape is Shape.MAPPING:
        return any(one[key] != other[key] for key in one.keys() & other.keys())
    return bool(one != other)


class Every(Container[str]):
    """All bots: for `TargetState.take_over` where a program gives us the server that is its own."""

    def __contains__(self, bot_id: object) -> bool:
        return True
