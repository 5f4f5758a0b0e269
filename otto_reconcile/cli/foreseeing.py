"""What an import would change in the desired state of bots: for `apply --dry-run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otto_reconcile.cli.inputs import Brought
from otto_reconcile.diff import plan
from otto_reconcile.model import Bot, Ref, Snapshot, snapshot_of
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.planning.plan import Action, Cause, Change, Operation, Plan
from otto_reconcile.records.events import DesiredBot
from otto_reconcile.render.reports import BotPlan, Report

_OWN = ("labels", "annotations")
_ELSE = "how it is written: nothing of it reaches a target"


def foreseen(
    before: Mapping[str, DesiredBot], after: Mapping[str, DesiredBot], brought: Brought
) -> Report:
    """The difference of all bots, with what they share, field by field."""
    plans = (
        BotPlan(bot_id, found)
        for bot_id in sorted(before.keys() | after.keys())
        if len(found := _changed(_bot(before.get(bot_id)), _bot(after.get(bot_id))))
    )
    words = {
        "create": brought.created,
        "update": brought.updated,
        "move": brought.moved,
        "delete": brought.deleted,
    }
    imported = {word: ids for word, ids in words.items() if ids}
    return Report(tuple(plans), warnings=tuple(brought.warnings), imported=imported)


def _bot(wanted: DesiredBot | None) -> Bot | None:
    return wanted.bot if wanted is not None else None


def _changed(before: Bot | None, after: Bot | None) -> Plan:
    """What is made, changed and taken away; with what is people's own and reaches no target."""
    if before == after:
        return Plan()
    old = snapshot_of(before) if before is not None else Snapshot()
    new = snapshot_of(after) if after is not None else Snapshot()
    made = plan(new, old, old)
    if before is None or after is None:
        return made
    changes = tuple(_beyond(before, after))
    if not changes and len(made):
        return made
    why = None if changes else _ELSE
    ref, cause = Ref("bot", after.id), Cause.PENDING_CHANGE
    return Plan((Action(Operation.UPDATE, ref, after.id, cause, changes, why=why), *made))


def _beyond(before: Bot, after: Bot) -> Iterator[Change]:
    """What differs in a bot and is no field of anything on a target."""
    for name in _OWN:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            masked = any(path.split("/")[0] == name for path in (*before.masked, *after.masked))
            keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
            was, now = ({key: one.get(key) for key in keys} for one in (old, new))
            yield Change(name, was, now, masked)
    for group in GROUPS.values():
        if group.identity is None:
            continue
        orders = [[str(part.id) for part in group.of(bot)] for bot in (before, after)]
        common = set(orders[0]) & set(orders[1])
        old_order, new_order = ([one for one in order if one in common] for order in orders)
        if old_order != new_order:
            yield Change(f"order of {group.name}", old_order, new_order)
