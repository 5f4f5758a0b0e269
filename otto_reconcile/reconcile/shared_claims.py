"""What bots want of the things that they share; `target_state` asks it about each bot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from otto_reconcile.model import JSON, Ref, Resource, Shape, Snapshot, get_kind


class SharedClaims:
    """Where bots differ, they would undo each other's changes forever.

    So the first of them by id has its way, and the others are told. `wanted` comes by bot id.
    """

    def __init__(self, wanted: Iterable[Snapshot]) -> None:
        self._of: dict[Ref, list[Resource]] = {}  # each wish once, of the first bot that has it
        for snapshot in wanted:
            for resource in _declared_and_shared(snapshot):
                before = self._of.setdefault(resource.ref, [])
                if all(resource.spec != other.spec for other in before):
                    before.append(resource)

    def contested(self, bot_id: str, wanted: Snapshot) -> dict[Ref, str]:
        """What this bot wants otherwise than one before it, with the reason why it has to wait."""
        reasons: dict[Ref, str] = {}
        for resource in _declared_and_shared(wanted):
            for theirs in self._of.get(resource.ref, ()):
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
