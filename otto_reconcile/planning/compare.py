"""The one comparer: in which declared fields two resources differ, and what a change of each takes.

Of a mapping only the declared keys compare: others may add keys of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from otto_reconcile.model import JSON, Field, Means, Resource, Shape, get_kind
from otto_reconcile.planning.plan import Change

_EMPTY: tuple[JSON, ...] = (None, "", [], {})


def differences(
    want: Resource,
    have: Resource,
    last: Resource | None = None,
    *,
    fields: Iterable[str] | None = None,
    prune: bool = False,
) -> Iterator[Change]:
    """The fields in which `have` differs from `want`, sorted by name: those declared, or `fields`.

    What was declared in `last` and no longer is goes back to its default. A field that could not be
    seen (`have.unseen`) is taken to be as it was last. With `prune` what others added to a declared
    mapping goes too.
    """
    by_name = get_kind(want.kind).by_name
    last_spec = last.spec if last is not None else {}
    masked = want.masked | (last.masked if last is not None else frozenset())
    for name in sorted(want.spec.keys() | last_spec.keys() if fields is None else fields):
        field = by_name.get(name)
        if field is None:  # applied by a newer version that knew more fields
            continue
        wanted = want.spec.get(name, field.default)
        found = (last_spec if name in have.unseen else have.spec).get(name, field.default)
        if field.shape is Shape.MAPPING:
            more = extra_keys(field, want, have) if prune else ()
            wanted, found = _declared_keys(wanted, found, (last_spec.get(name) or {}, more))
        if wanted != found:
            yield Change(name, found, wanted, name in masked)


def _declared_keys(
    wanted: JSON, found: JSON, besides: Iterable[Iterable[str]]
) -> tuple[JSON, JSON]:
    """Of two mappings the declared keys whose values differ; None stands for "not there"."""
    wanted, found = wanted or {}, found or {}
    names = wanted.keys() | {name for names in besides for name in names}
    differing = sorted(name for name in names if wanted.get(name) != found.get(name))
    return (
        {name: wanted.get(name) for name in differing},
        {name: found.get(name) for name in differing},
    )


def extra_keys(field: Field, want: Resource, have: Resource) -> list[str]:
    """Keys of a declared mapping that others added to it."""
    if field.shape is not Shape.MAPPING or field.name not in want.spec:
        return []
    found, declared = have.spec.get(field.name) or {}, want.spec[field.name] or {}
    return sorted(key for key in found.keys() - declared.keys() if field.reports(key))


def covers(have: Resource, want: Resource) -> bool:
    """True if plainly every declared value is there; a quick yes that saves the long comparison."""
    spec = have.spec
    return all(name in spec and spec[name] == value for name, value in want.spec.items())


def needs_replacing(kind: str, change: Change) -> str | None:
    """Why the change takes making the resource again; None if an update does."""
    field = get_kind(kind).field(change.field)
    if field.change is Means.REPLACE:
        return f"{change.field} of a {kind} cannot be changed in place"
    if field.clear is Means.REPLACE and change.after in _EMPTY:
        return f"{change.field} of a {kind} cannot be cleared in place"
    return None


def is_disturbed(last: Resource | None, have: Resource | None) -> bool:
    """True if a target has not any more what was put there: somebody took it away or changed it."""
    return last is not None and (have is None or any(differences(last, have)))
