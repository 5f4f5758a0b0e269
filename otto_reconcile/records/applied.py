"""What this tool has itself put on a target, bot by bot: written by the loop, read by the diff."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from otto_reconcile.errors import Conflict
from otto_reconcile.model import Ref, Resource, Snapshot, get_kind
from otto_reconcile.records.events import utc
from otto_reconcile.records.fields import text, text_or_none, whole
from otto_reconcile.runtime import exact_json
from otto_reconcile.store.base import Document, Store, Write

FORMER = 20
"""So many names of former lives of a target are kept."""


@dataclass(frozen=True, slots=True)
class Applied:
    """`revision` of the bot and `epoch` of the target in which this was put there.

    `resources` have the spec as it was applied; `claims` are Refs whose creation was begun and has
    not been confirmed yet: they may be on the target.
    """

    bot_id: str
    revision: int
    epoch: str
    resources: Snapshot = field(default_factory=Snapshot)
    claims: frozenset[Ref] = frozenset()
    begun: str | None = None
    """The epoch in which the bot was last looked at; None in records of older versions."""
    foreign: frozenset[Ref] = frozenset()
    """Under these the target has something that was never ours in that epoch."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One life of a target: its name, and when it was first seen.

    `continues` is the epoch before, if its canary was lost while all our agents were there.
    `watched`: what is ours in it is known from its beginning; False for those of older versions.
    `former` are the names of the lives before, the last FORMER, as far as they are known.
    """

    name: str
    started: datetime
    continues: str | None = None
    watched: bool = False
    former: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """All names that are known, this one last."""
        return (*self.former, self.name)[-FORMER:]


class AppliedSets:
    """Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self, target: str) -> dict[str, Applied]:
        """All of a target, by bot id. A damaged record is left out: its things are unmanaged."""
        found = self._store.find("applied", {"target": target}, order=[("bot_id", 1)])
        sets = (_from_document(document) for document in found)
        return {applied.bot_id: applied for applied in sets if applied is not None}

    def bot_ids(self) -> frozenset[str]:
        """The bots of which something is on any target."""
        found = (d.get("bot_id") for d in self._store.find("applied", fields=("bot_id",)))
        return frozenset(bot_id for bot_id in found if isinstance(bot_id, str))

    def lives(self, target: str) -> frozenset[str]:
        """The names of the epochs in which anything on the target was applied or looked at."""
        found = self._store.find("applied", {"target": target}, fields=("epoch", "begun"))
        named = (document.get(name) for document in found for name in ("epoch", "begun"))
        return frozenset(name for name in named if isinstance(name, str))

    def save(self, target: str, sets: Sequence[Applied]) -> None:
        self._store.batch([self.writing(target, sets)])

    def writing(self, target: str, sets: Sequence[Applied], token: int | None = None) -> Write:
        """What `save` writes, for a batch with the audit's.

        With the fencing `token` of a lease, what the holder of a later lease wrote stands, and
        the batch raises Conflict.
        """
        documents = [_document(target, applied) for applied in sets]
        if token is None:
            return Write("put", "applied", documents)
        fenced = [{**document, "token": token} for document in documents]
        return Write("supersede", "applied", fenced)

    def drop(self, target: str, bot_id: str) -> None:
        self._store.delete("applied", {"target": target, "bot_id": bot_id})

    def dropping(self, target: str, bot_id: str, token: int | None = None) -> Write:
        """What `drop` writes, for a batch with the audit's; with `token`, of what is no newer."""
        where = {"target": target, "bot_id": bot_id}
        if token is None:
            return Write("delete", "applied", [where])
        unfenced, older = {**where, "token": None}, {**where, "token": {"$lt": token + 1}}
        return Write("delete", "applied", [unfenced, older])

    def epoch(self, target: str) -> Epoch | None:
        found = self._store.find("epochs", {"target": target}, limit=1)
        return _epoch(found[0]) if found else None

    def epochs(self) -> dict[str, Epoch]:
        """The newest epoch of every target, but for damaged ones."""
        read = ((one.get("target"), _epoch(one)) for one in self._store.find("epochs"))
        return {to: epoch for to, epoch in read if isinstance(to, str) and epoch is not None}

    def begin_epoch(self, target: str, epoch: Epoch) -> None:
        document = {
            "target": target,
            "name": epoch.name,
            "started": epoch.started,
            "continues": epoch.continues,
            "watched": epoch.watched,
            "former": list(epoch.former),
        }
        try:
            self._store.put("epochs", [document])
        except Conflict:  # two first epochs at once: the later one counts
            self._store.put("epochs", [document])


def _epoch(document: Document) -> Epoch | None:
    """None where it is damaged: all is looked at anew then."""
    name, started = document.get("name"), document.get("started")
    if not isinstance(name, str) or not isinstance(started, datetime):
        return None
    former, continues = document.get("former"), document.get("continues")
    names = tuple(map(str, former)) if isinstance(former, list) else ()
    watched = bool(document.get("watched"))
    continued = continues if isinstance(continues, str) else None
    return Epoch(name, utc(started), continued, watched, names)


def _document(target: str, applied: Applied) -> Document:
    """The resources are one text: their specs may have any keys, and it reads fastest."""
    resources = [_flat(resource) for resource in applied.resources.values()]
    return {
        "target": target,
        "bot_id": applied.bot_id,
        "revision": applied.revision,
        "epoch": applied.epoch,
        "resources": json.dumps(resources, separators=(",", ":"), ensure_ascii=False),
        "claims": sorted(map(list, applied.claims)),
        "begun": applied.begun,
        "foreign": sorted(map(list, applied.foreign)),
    }


def _flat(resource: Resource) -> list[Any]:
    masked = sorted(resource.masked)
    return [resource.kind, resource.key, dict(resource.spec), masked, resource.remote_id]


def _from_document(document: Document) -> Applied | None:
    """None for one that is damaged."""
    try:
        bot_id = text(document["bot_id"])
        kept = exact_json.loads_any_number(document["resources"])
        return Applied(
            bot_id,
            whole(document["revision"]),
            text(document["epoch"]),
            Snapshot(_resource(bot_id, *one) for one in kept),
            _refs(document["claims"]),
            text_or_none(document.get("begun")),
            _refs(document.get("foreign") or ()),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _resource(
    bot_id: str, kind: str, key: Any, spec: Any, masked: Sequence[str], remote_id: Any
) -> Resource:
    """Raises TypeError for what no resource can have, KeyError for a kind that there is none of."""
    if not isinstance(spec, dict):
        raise TypeError("a resource has no fields")
    own, known = text(key), text_or_none(remote_id)
    return Resource(get_kind(kind).name, own, bot_id, spec, frozenset(masked), known)


def _refs(pairs: Sequence[Any]) -> frozenset[Ref]:
    """Raises TypeError for a key that is no text, KeyError for a kind that there is none of."""
    return frozenset(Ref(get_kind(kind).name, text(key)) for kind, key in pairs)
