"""Which target a bot belongs on, by the configuration alone: pure, and the same in every process.

The first target whose selector fits a bot has it. Targets with the same selector share its bots
evenly (`runtime.sharding`): one that is added or taken away moves only what it gets or had.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Protocol

from otto_reconcile.runtime.selecting import Selector
from otto_reconcile.runtime.sharding import Shard, rendezvous


class Place(Protocol):
    """What is asked of a target's settings. With `drain` it gets no bots, and gives its own up."""

    @property
    def name(self) -> str: ...
    @property
    def selector(self) -> Selector | None: ...
    @property
    def shard(self) -> Shard | None: ...
    @property
    def drain(self) -> bool: ...
    @property
    def url(self) -> str: ...


class Assignment:
    """Of all targets of a configuration, in their order."""

    def __init__(self, places: Sequence[Place]) -> None:
        groups: dict[str, list[Place]] = {}
        for place in places:
            groups.setdefault(_text(place), []).append(place)
        self._groups = [_Group(members) for members in groups.values()]
        self._names = frozenset(place.name for place in places)
        self._urls = {(p.name, p.url.rstrip("/")) for p in places if p.shard is None}

    def of(self, bot_id: str, labels: Mapping[str, str]) -> str | None:
        """The target's name; None where no selector fits, or the shard is of another daemon."""
        for group in self._groups:
            if group.fits(labels):
                return group.of(bot_id)
        return None

    def fits(self, labels: Mapping[str, str]) -> bool:
        """True if some target is for such a bot."""
        return any(group.fits(labels) for group in self._groups)

    def is_gone(self, name: str) -> bool:
        """True for a target that is in nobody's configuration any more, as far as this one tells.

        Where shards are missing here, others have them, and may have any name.
        """
        return name not in self._names and all(group.is_whole for group in self._groups)

    @property
    def digest(self) -> str:
        """The same for all configurations that put every bot on the same server."""
        data = [group.to_data() for group in self._groups], sorted(self._urls)
        text = json.dumps(data, sort_keys=True)
        return blake2b(text.encode(), digest_size=8).hexdigest()


class _Group:
    """The targets of one selector; either all of them are shards, or none is."""

    def __init__(self, members: Sequence[Place]) -> None:
        self._selector = members[0].selector
        self._names = sorted(one.name for one in members if not one.drain)
        self._shards = {one.shard.number: one.name for one in members if one.shard is not None}
        self._of = next((one.shard.of for one in members if one.shard is not None), 0)

    def fits(self, labels: Mapping[str, str]) -> bool:
        any_member = bool(self._names or self._of)
        return any_member and (self._selector is None or self._selector.fits(labels))

    @property
    def is_whole(self) -> bool:
        return len(self._shards) == self._of

    def of(self, bot_id: str) -> str | None:
        if not self._of:
            return rendezvous(bot_id, self._names)
        number = rendezvous(bot_id, map(str, range(1, self._of + 1)))
        return self._shards.get(int(number or 0))

    def to_data(self) -> dict[str, object]:
        text = self._selector.text if self._selector is not None else ""
        return {"selector": text, "shards": self._of, "names": [] if self._of else self._names}


def _text(place: Place) -> str:
    return place.selector.text if place.selector is not None else ""
