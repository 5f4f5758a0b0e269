"""What the kinds that a bot is made of have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, make
from otto_reconcile.model.resource import JSON, Ref, Resource


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
    told: Callable[[Any], Mapping[str, JSON]] = lambda item: {},
    key: Callable[[str, str], str] = own_key,
) -> Iterator[Resource]:
    """A Resource for each item; `group` is the name under which the bot's `masked` has them.

    `told` gives the values that do not stand in the item as they are.
    """
    for item in items:
        values = {field.name: getattr(item, field.name, None) for field in fields}
        values |= told(item)
        if "tags" in values:
            values["tags"] = values["tags"] or []  # always declared: they say to whom it applies
        if "enabled" in values and values["enabled"] is None:
            values["enabled"] = True  # that one was switched off by hand must never go unnoticed
        prefix = f"{group}/{item.id.replace('~', '~0').replace('/', '~1')}/"
        masked = (p.removeprefix(prefix).split("/")[0] for p in bot.masked if p.startswith(prefix))
        yield make(kind, key(bot.id, item.id), bot.id, values, masked=masked)


def belongings(resource: Resource) -> Iterable[Ref]:
    """What such a part needs: its agent, and its tags."""
    yield Ref("agent", resource.bot_id)
    for name in resource.spec.get("tags", ()):
        yield Ref("tag", name)
