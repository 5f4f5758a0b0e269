"""Fields that a bot leaves to the target (`ignore` of its metadata): what is there is wanted.

Such a field is made as it is declared, and from then on never compared, changed or put back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from otto_reconcile.model import JSON, Bot, Ref, Resource, Snapshot
from otto_reconcile.model.bot import IGNORE
from otto_reconcile.model.groups import GROUPS

ANY = "*"


def left_to_target(
    bot: Bot, desired: Snapshot, observed: Snapshot, applied: Snapshot
) -> tuple[Snapshot, Snapshot]:
    """Desired and applied with the target's own values in the ignored fields of what is there."""
    fields = dict(_ignored(bot, desired))
    if not fields:
        return desired, applied
    return (
        Snapshot(_as_there(r, fields, observed, applied) for r in desired.values()),
        Snapshot(_as_there(r, fields, observed, applied) for r in applied.values()),
    )


def _ignored(bot: Bot, desired: Snapshot) -> Iterator[tuple[Ref, frozenset[str]]]:
    rules = [path.split("/") for path in paths_of(bot)]
    for ref in desired:
        names = {rule[-1] for rule in rules if _names(rule, bot.id, ref)}
        if names:
            yield ref, frozenset(names)


def paths_of(bot: Bot) -> list[str]:
    """What the bot's annotation has; nothing where another program made it something else."""
    said: JSON = bot.annotations.get(IGNORE)
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []


def _names(rule: list[str], bot_id: str, ref: Ref) -> bool:
    if len(rule) == 1:
        return ref == Ref("agent", bot_id)
    if len(rule) != 3 or rule[0] not in GROUPS or GROUPS[rule[0]].kind != ref.kind:
        return False
    return rule[1] in (ANY, ref.key, ref.key.removeprefix(f"{bot_id}."))


def _as_there(
    resource: Resource,
    fields: dict[Ref, frozenset[str]],
    observed: Snapshot,
    applied: Snapshot,
) -> Resource:
    have, last = observed.get(resource.ref), applied.get(resource.ref)
    names = fields.get(resource.ref)
    if names is None or have is None:
        return resource
    spec = {name: value for name, value in resource.spec.items() if name not in names}
    for name in names:
        known = last.spec if name in have.unseen and last is not None else have.spec
        if name in known:
            spec[name] = known[name]
    return replace(resource, spec=spec)
