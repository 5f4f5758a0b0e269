"""What the kinds that a bot is made of have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, make
from otto_reconcile.model.resource import JSON, Ref, Resource

_ALWAYS: Mapping[str, JSON] = {"tags": [], "enabled": True}
"""Declared also where nobody did: tags say to whom a part applies, and that one was switched off by
hand must never go unnoticed."""


class Identified(Protocol):
    @property
    def id(self) -> str: ...


def named_key(bot_id: str, name: str) -> str:
    """The key of what has no id but its name within the bot."""
    return f"{bot_id}:{name}"


def own_key(bot_id: str, identity: str) -> str:
    """The key of what has a complete id."""
    return identity


def parts(
    kind: str,
    group: str,
    bot: Bot,
    items: Sequence[Identified],
    fields: Sequence[Field],
    *,
    told: Callable[[Any], dict[str, JSON]] = lambda item: {},
    key: Callable[[str, str], str] = own_key,
) -> Iterator[Resource]:
    """A Resource for each item; `group` is the name under which the bot's `masked` has them.

    `told` gives the values that do not stand in the item as they are.
    """
    if not items:
        return
    names = [field.name for field in fields]
    always = {name: value for name, value in _ALWAYS.items() if name in names}
    for item in items:
        own = vars(item)
        values = always | {n: v for n in names if (v := own.get(n)) is not None} | told(item)
        masked = _masked(bot, f"{group}/{item.id.replace('~', '~0').replace('/', '~1')}/")
        yield make(kind, key(bot.id, item.id), bot.id, values, masked=masked)


def _masked(bot: Bot, prefix: str) -> set[str]:
    return {p.removeprefix(prefix).split("/")[0] for p in bot.masked if p.startswith(prefix)}


def belongings(resource: Resource) -> Iterable[Ref]:
    """What such a part needs: its agent, and its tags."""
    yield Ref("agent", resource.bot_id)
    for name in resource.spec.get("tags", ()):
        yield Ref("tag", name)
