"""The collections there are, what identifies a document in each, and who else writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from otto_reconcile.errors import PermanentError
from otto_reconcile.model.groups import GROUPS, Group
from otto_reconcile.runtime.limits import Unfit, check
from otto_reconcile.store.base import Collection


def _of_parts(group: Group) -> Collection:
    """A row for each part: keyed by its id, or by its bot and what it is called there."""
    assert group.key is not None
    key = group.key
    if group.is_sole:
        return Collection(group.name, (key,), own=False, indexes=(("bot_id",),))
    return Collection(group.name, ("bot_id", key), own=False)


_SHARED = (
    Collection("bots", ("bot_id",), own=False),
    *(_of_parts(group) for group in GROUPS.values() if group.key is not None),
    Collection("relationships", ("bot_id", "kind", "source", "target"), own=False),
    Collection("tool_mappings", ("bot_id", "guideline_id", "tool_name"), own=False),
    Collection("glossaries", ("glossary_id",), own=False),
)

_OWN = (
    Collection("events", ("bot_id", "revision"), own=True, indexes=(("event_id",), ("time",))),
    Collection("heads", ("bot_id",), own=True),
    Collection(
        "actions",
        ("action_id",),
        own=True,
        indexes=(("started",), ("bot_id", "started"), ("run_id", "started")),
    ),
    Collection("applied", ("target", "bot_id"), own=True),
    Collection("epochs", ("target",), own=True),
    Collection("leases", ("target",), own=True),
    Collection("folders", ("folder",), own=True),
    Collection("withheld", ("bot_id",), own=True),
    Collection("placements", ("bot_id",), own=True),
    Collection("daemons", ("holder",), own=True),
    Collection("targets", ("target",), own=True, indexes=(("server",),)),
    Collection(
        "evaluations", ("key", "parlant", "model"), own=True, indexes=(("parlant", "model"),)
    ),
)

COLLECTIONS: Mapping[str, Collection] = {c.name: c for c in (*_SHARED, *_OWN)}
"""All of them by name; a store refuses a name that is not here with KeyError."""

WATCHED: tuple[str, ...] = (*(c.name for c in _SHARED), "events")
"""Those whose changes mean that the desired state may have moved."""


def refuse_unfit(collection: str, documents: Iterable[Mapping[str, Any]]) -> None:
    """Raises PermanentError for what would not be read back as it was written.

    Only of what is ours: rows may have fields of others, which go back as they came.
    """
    if not COLLECTIONS[collection].own:
        return
    for document in documents:
        try:
            check(document)
        except Unfit as error:
            raise PermanentError(f"cannot be stored: {error}") from error


def key_of(collection: Collection, document: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values of the key fields; a missing one is None."""
    return tuple(document.get(name) for name in collection.keys)
