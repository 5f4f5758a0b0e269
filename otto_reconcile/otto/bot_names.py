"""Names of bots, as customers write them: which bot is meant, and whether a name is free.

For `service`. What is not clear becomes a Reply that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from otto_reconcile.desired import DesiredBot
from otto_reconcile.model import Bot, folded, is_reserved
from otto_reconcile.otto import summary
from otto_reconcile.otto.responses import Reply, fitted, reply


def same(bot: Bot, other_id: str, other_name: str) -> bool:
    """True if a person could not tell the two apart, by id or by name."""
    return bot.id.casefold() == other_id.casefold() or folded(bot.name) == folded(other_name)


def reserved(bot: Bot) -> Reply | None:
    """A refusal if the bot wants to be Otto."""
    if is_reserved(bot.id, bot.name):
        return reply(False, "That name is Otto's own. Ask for another one.", problem="reserved")
    return None


def taken(
    bot: Bot, known: Mapping[str, DesiredBot], yours: Callable[[DesiredBot], bool]
) -> Reply | None:
    """A question if one of the known bots has this name or id; only `yours` may be changed."""
    for wanted in known.values():
        other = wanted.bot
        if same(bot, other.id, other.name):
            message = f"There is a bot {other.name!r} with the id {other.id!r} already."
            return question(message, changeable=yours(wanted))
    return None


def question(message: str, *, changeable: bool = True) -> Reply:
    """Nothing was done, since another bot is there."""
    ask = "Ask whether that bot is to be changed, or which other name the new one is to have."
    if not changeable:
        message = f"{message} It is not this customer's."
        ask = "Ask which other name the new one is to have."
    return reply(False, message, problem="taken", question=ask)


def ask_back(bot: Bot) -> Reply:
    """What a deletion would take away, and what has to be said to confirm it."""
    return fitted(
        reply(
            False,
            f"Nothing is deleted yet. Say what goes with {bot.name}, and ask for its name as "
            "confirmation. Only the customer's next message can confirm.",
            bot_id=bot.id,
            name=bot.name,
            goes=summary.goes(bot),
            question=f"Ask the customer to write the name {bot.name} to confirm.",
        )
    )


def found(
    name: str, known: Mapping[str, DesiredBot], own: Mapping[str, DesiredBot]
) -> tuple[DesiredBot | None, Reply]:
    """The bot of this id or name; else a reply that asks which (`unclear`) or knows none.

    Of several of one name the only one of the customer's `own` is meant; what there is to choose
    from are those.
    """
    wanted = known.get(name.strip())
    fitting = (
        [wanted] if wanted else [w for w in known.values() if is_called(name, w.bot.id, w.bot.name)]
    )
    if len(fitting) > 1:
        fitting = [w for w in fitting if w.bot.id in own] or fitting
    if len(fitting) == 1:
        return fitting[0], {}
    if is_reserved(name):
        message = "That is Otto itself, which is no bot of anybody's."
        return None, reply(False, message, problem="reserved")
    ids = [w.bot.id for w in fitting or own.values()]
    if fitting:
        message, problem = f"{len(fitting)} bots are called {name!r}.", "unclear"
    else:
        message, problem = f"No bot {name!r}.", "unknown"
    return None, fitted(reply(False, message, problem=problem, bots=ids))


def is_called(name: str, its_id: str, its_name: str) -> bool:
    """True if this says one of the two."""
    return folded(name) in (folded(its_name), its_id.casefold())
