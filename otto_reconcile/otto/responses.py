"""What Otto's tools answer: data in plain words, small enough for Parlant; also before a yes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from otto_reconcile.desired import DesiredBot
from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import Bot
from otto_reconcile.model.bot import SUSPENSIONS
from otto_reconcile.otto import patch, spec_codec
from otto_reconcile.otto.confirmation import creation, draft
from otto_reconcile.otto.summary import shown, unserved
from otto_reconcile.planning.plan import Outcome
from otto_reconcile.reconcile.conditions import phrase
from otto_reconcile.reconcile.results import BotResult

Reply: TypeAlias = dict[str, Any]

MOST = 15_000
"""Bytes of JSON; Parlant refuses what is over 16 KB, and adds its own."""


def reply(ok: bool, message: str, **more: Any) -> Reply:
    """`ok` says whether what was asked for is done; all else is for Otto to put into words."""
    return {"ok": ok, "message": message, **more}


def invalid(error: InvalidInput) -> Reply:
    found = spec_codec.problems(error)
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    return reply(
        False,
        f"The specification has {count}; nothing was changed. Explain and mend them.",
        problems=found,
    )


def not_possible(result: BotResult) -> list[str]:
    """What Parlant did not take, or what is held back, a sentence each; suspension is no fault."""
    if result.error is not None:
        return [result.error.message]
    found = [_refusal(outcome) for outcome in result.failures]
    if result.planned is not None:
        held = (a for a in result.planned.plan.skipped if a.skipped not in SUSPENSIONS)
        found += [f"{phrase(a)}: held back, {a.skipped}" for a in held]
        if result.planned.plan.acting and not result.outcomes:
            found.append("another daemon leads this Parlant: it will do it")
    return found


def _refusal(outcome: Outcome) -> str:
    return f"{phrase(outcome.action)}: {outcome.error}"


def live(result: BotResult) -> bool:
    """True if the bot's agent is on the target after this look."""
    if result.planned is None:
        return False
    made = {o.action.ref for o in result.outcomes if o not in result.failures}
    return result.planned.present or any(ref.kind == "agent" for ref in made)


def fitted(data: Reply) -> Reply:
    """The reply cut down to MOST: long texts first, then long lists; `cut` and marks say so."""
    longest, most = 2000, 100
    found = data
    while _size(found) > MOST and most > 1:
        found = {**_cut(data, longest, most), "cut": True}
        longest, most = max(40, longest // 2), (most // 2 if longest <= 250 else most)
    return found if _size(found) <= MOST else reply(data["ok"], data["message"][:2000], cut=True)


def _size(data: Reply) -> int:
    return len(json.dumps(data))


def _cut(value: Any, longest: int, most: int) -> Any:
    if isinstance(value, str) and len(value) > longest:
        return f"{value[:longest]} {spec_codec.cut_mark(len(value) - longest)}"
    if isinstance(value, dict):
        return {name: _cut(item, longest, most) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        left = [_cut(item, longest, most) for item in value[:most]]
        return left if len(value) <= most else [*left, spec_codec.cut_mark(len(value) - most)]
    return value


def proposed(ok: bool, message: str, bot: Bot, wanted: DesiredBot | None) -> Reply:
    """What the customer is to be shown: of a new bot all of it, of a change what it changes."""
    what = {"guidelines": len(bot.guidelines), "journeys": len(bot.journeys)}
    data = reply(ok, message, bot_id=bot.id, name=bot.name, draft=draft(creation(bot)), **what)
    if not ok:
        data["problem"] = "unconfirmed"
    if wanted is None:
        data |= {"to_show": shown(bot), "not_possible": unserved(bot)}
    else:
        data["changes"] = patch.told(wanted.bot, bot)
    return fitted(data)
