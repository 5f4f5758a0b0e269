"""What a kind is: its fields, how each compares, what a change takes. Kinds register here.

A new kind is a new module beside this one, of its name, that calls `register(Kind(...))`, with an
adapter of the same name in `port/adapters/`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from otto_reconcile.model.resource import JSON, Ref, Resource

if TYPE_CHECKING:
    from otto_reconcile.model.bot import Bot


class Shape(StrEnum):
    """How two values of a field compare."""

    VALUE = "value"  # equal or not
    SET = "set"  # a list whose order means nothing
    MAPPING = "mapping"  # only the keys that were declared count


class Means(StrEnum):
    """What it takes on a target."""

    UPDATE = "update"
    REPLACE = "replace"  # delete, then create under the same id


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind. `default` is what a target holds when the field is not declared.

    Of a `veiled` one a target shows but a part: the rest of it is taken to be as it was applied.
    `empty` is how a part says that it wants none, where its absence would say nothing at all.
    `reports` says of a key of a MAPPING whether it is reported where it is not declared.
    """

    name: str
    default: JSON = None
    shape: Shape = Shape.VALUE
    change: Means = Means.UPDATE
    clear: Means = Means.UPDATE
    normal: Callable[[JSON], JSON] | None = None
    veiled: bool = False
    empty: JSON = None
    reports: Callable[[str], bool] = lambda key: False

    @property
    def is_plain(self) -> bool:
        """True if each value but None is in its normal form."""
        return self.empty is None and self.normal is None and self.shape is not Shape.SET

    def normalise(self, value: JSON) -> JSON:
        """The one form in which values of this field are compared and kept.

        It is what a target is given, so a text stays as it is, to the last character.
        """
        if self.empty is not None and value == self.empty:
            value = None
        if self.normal is not None and value is not None:
            value = self.normal(value)
        if self.shape is Shape.SET and value is not None:
            value = sorted(set(value))
        return self.default if value is None else value


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource. `level` is its place in the order of creation, lowest first.

    `told_by_key` gives what the key alone says of a resource of which nothing else is known.
    `expand` gives this kind's resources of a bot; `needs` gives the Refs that must exist before a
    resource does. `shared` kinds may be wanted by several bots and go only with the last of them.
    One of a kind that `reaches` applies to every agent, or decides to whom another one applies.
    `plural` is what the paths of Parlant's API call it, where that is not the name with an `s`.
    One with its `own_id` has its key as its id on a target, and can be read alone.
    """

    name: str
    level: int
    fields: tuple[Field, ...]
    expand: Callable[[Bot], Iterable[Resource]]
    needs: Callable[[Resource], Iterable[Ref]] = lambda resource: ()
    shared: bool = False
    told_by_key: Callable[[str], Mapping[str, JSON]] = lambda key: {}
    reaches: bool = False
    plural: str = ""
    own_id: bool = False

    @property
    def path(self) -> str:
        """The first part of the paths of Parlant's API that hold this kind."""
        return self.plural or f"{self.name}s"

    @property
    def mappings(self) -> tuple[Field, ...]:
        """The fields to which others may add keys."""
        return _MAPPINGS[self.name]

    def field(self, name: str) -> Field:
        return self.by_name[name]

    @property
    def by_name(self) -> Mapping[str, Field]:
        return _FIELDS[self.name]


_KINDS: dict[str, Kind] = {}
_FIELDS: dict[str, dict[str, Field]] = {}
_MAPPINGS: dict[str, tuple[Field, ...]] = {}
_PLAIN: dict[str, frozenset[str]] = {}
"""By kind, the fields of which a value that is declared is in its normal form already."""
_NOTHING: frozenset[str] = frozenset()


def register(kind: Kind) -> Kind:
    """Adds a kind. Raises ValueError if one of that name is there already."""
    if kind.name in _KINDS:
        raise ValueError(f"kind {kind.name!r} is registered twice")
    in_order = sorted([*_KINDS.values(), kind], key=lambda kind: (kind.level, kind.name))
    _KINDS.clear()
    _KINDS.update((one.name, one) for one in in_order)
    _FIELDS[kind.name] = {field.name: field for field in kind.fields}
    _PLAIN[kind.name] = frozenset(f.name for f in kind.fields if f.is_plain)
    _MAPPINGS[kind.name] = tuple(f for f in kind.fields if f.shape is Shape.MAPPING)
    return kind


def get_kind(name: str) -> Kind:
    """Raises KeyError for a kind that is not registered."""
    return _KINDS[name]


def kinds() -> tuple[Kind, ...]:
    """All kinds in the order of creation."""
    return tuple(_KINDS.values())


def make(
    kind: str,
    key: str,
    bot_id: str,
    values: Mapping[str, JSON],
    *,
    masked: Collection[str] = (),
    remote_id: str | None = None,
) -> Resource:
    """A Resource with the declared (not None) values of the kind's fields in their normal form."""
    fields, plain = _FIELDS[kind], _PLAIN[kind]
    spec = {
        name: value if name in plain else fields[name].normalise(value)
        for name, value in values.items()
        if value is not None
    }
    hidden = frozenset(spec.keys() & set(masked)) if masked else _NOTHING
    return Resource(kind, key, bot_id, spec, hidden, remote_id)
