"""Resource and Snapshot: one type for both sides; the diff never knows where one came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

JSON: TypeAlias = Any
"""A value that JSON can hold; mappings have string keys."""


class Ref(NamedTuple):
    """Identity of a resource: `kind` as in the table of kinds, `key` unique within the kind."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that Parlant holds, in this project's own vocabulary.

    `spec` has the declared fields only, each in its normal form (see `kinds.normalise`).
    `bot_id` is the bot it belongs to ("" for what no bot is known for).
    `masked` names the fields whose value came from a secret and must never be shown.
    `remote_id` is the id that the target gave, for kinds that take none of ours.
    `unseen` names the fields that the target keeps and cannot show (now): the diff compares what
    was applied of them.
    """

    kind: str
    key: str
    bot_id: str
    spec: Mapping[str, JSON]
    masked: frozenset[str] = frozenset()
    remote_id: str | None = field(default=None, compare=False)
    unseen: frozenset[str] = frozenset()
    ref: Ref = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ref", Ref(self.kind, self.key))


class Snapshot(Mapping[Ref, Resource]):
    """A set of resources with one resource to a Ref. Immutable; iterates in insertion order."""

    __slots__ = ("_resources",)

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._resources: dict[Ref, Resource] = {r.ref: r for r in resources}

    def __getitem__(self, ref: Ref) -> Resource:
        return self._resources[ref]

    def __iter__(self) -> Iterator[Ref]:
        return iter(self._resources)

    def __len__(self) -> int:
        return len(self._resources)

    # What a Mapping has anyway, without a call of Python for each Ref.

    def __contains__(self, ref: object) -> bool:
        return ref in self._resources

    def keys(self) -> KeysView[Ref]:
        return self._resources.keys()

    def values(self) -> ValuesView[Resource]:
        return self._resources.values()

    def items(self) -> ItemsView[Ref, Resource]:
        return self._resources.items()

    def __repr__(self) -> str:
        return f"Snapshot({', '.join(str(ref) for ref in self)})"

    def __or__(self, other: Snapshot) -> Snapshot:
        """Both; where both have a Ref, the right one."""
        return Snapshot([*self.values(), *other.values()])

    def of_bot(self, bot_id: str) -> Snapshot:
        return Snapshot(r for r in self.values() if r.bot_id == bot_id)


def digest(value: JSON) -> str:
    """First 16 hex digits of the SHA-256 of the canonical JSON (sorted keys, no spaces, UTF-8)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
