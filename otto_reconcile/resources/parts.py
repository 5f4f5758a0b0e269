"""What the kinds that a bot is made of have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from otto_reconcile.resources.bot import Bot
from otto_reconcile.resources.kinds import Field, make
from otto_reconcile.resources.model import Ref, Resource


class Identified(Protocol):
    @property
    def id(self) -> str: ...


def parts(
    kind: str, group: str, bot: Bot, items: Sequence[Identified], fields: Sequence[Field]
) -> Iterator[Resource]:
    """A Resource for each item; `group` is the name under which the bot's `masked` has them."""
    for item in items:
        values = {field.name: getattr(item, field.name) for field in fields}
        values["tags"] = values["tags"] or []  # always declared: they say to whom a part applies
        if "enabled" in values and values["enabled"] is None:
            values["enabled"] = True  # that one was switched off by hand must never go unnoticed
        prefix = f"{group}/{item.id}/"
        masked = (p.removeprefix(prefix).split("/")[0] for p in bot.masked if p.startswith(prefix))
        yield make(kind, item.id, bot.id, values, masked=masked)


def belongings(resource: Resource) -> Iterable[Ref]:
    """What such a part needs: its agent, and its tags."""
    yield Ref("agent", resource.bot_id)
    for name in resource.spec.get("tags", ()):
        yield Ref("tag", name)
