"""The command `graph`: draws the journeys of a bot, from the store or from manifests."""

from __future__ import annotations

from collections.abc import Sequence

from otto_reconcile.cli.console import Drawing, say_lines, write
from otto_reconcile.cli.inputs import read
from otto_reconcile.cli.places import find_daemon, opened_store
from otto_reconcile.cli.unknown import no_bot, one_of
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import NotFound
from otto_reconcile.manifest.messages import near
from otto_reconcile.model import Bot, Journey
from otto_reconcile.records.events import DesiredBot
from otto_reconcile.render.graphs import mermaid, tree
from otto_reconcile.settings import Settings


def run_graph(
    settings: Settings, bot_id: str, journey: str | None, files: Sequence[str], drawing: Drawing
) -> int:
    """All journeys of the bot, or one by its id, short or complete."""
    bot = _of_files(bot_id, files, settings.env) if files else _of_store(settings, bot_id)
    chosen = _chosen(bot, journey)
    if drawing is Drawing.MERMAID:
        write(mermaid(bot, chosen))
    else:
        say_lines(tree(bot, chosen))
    return 0


def _of_store(settings: Settings, bot_id: str) -> Bot:
    with opened_store(settings) as store:
        desired = DesiredState(store)
        found = one_of(desired, bot_id, find_daemon(settings))
        if isinstance(found, DesiredBot):
            return found.bot
        raise no_bot(bot_id, desired.read())


def _of_files(bot_id: str, files: Sequence[str], env: str | None) -> Bot:
    bots = {loaded.bot.id: loaded.bot for loaded in read(files, env).bots}
    if bot_id not in bots:
        hint = f"there are: {', '.join(sorted(bots))}" if bots else "there is none at all"
        raise NotFound(f"no bot {bot_id!r} in these files", hint=near(bot_id, bots) or hint)
    return bots[bot_id]


def _chosen(bot: Bot, journey: str | None) -> Sequence[Journey]:
    ids = [one.id for one in bot.journeys]
    if not ids:
        raise NotFound(f"the bot {bot.id!r} has no journeys")
    if journey is None:
        return bot.journeys
    named = [one for one in bot.journeys if one.id in (journey, f"{bot.id}.{journey}")]
    if not named:
        short = [name.removeprefix(f"{bot.id}.") for name in ids]
        meant = near(journey, [*ids, *short])
        hint = f"{meant + ' ' if meant else ''}it has: {', '.join(ids)}"
        raise NotFound(f"the bot {bot.id!r} has no journey {journey!r}", hint=hint)
    return named
