"""What a customer is shown before a yes. For the workshop."""

from __future__ import annotations

from otto_reconcile.desired import DesiredBot
from otto_reconcile.model import Bot
from otto_reconcile.otto import patch
from otto_reconcile.otto.confirmation import creation, draft
from otto_reconcile.otto.responses import Reply, fitted, reply
from otto_reconcile.otto.summary import shown, unserved


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
