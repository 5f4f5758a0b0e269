"""The bots with all that they share, as they are to be on a target; asked for by `DesiredState`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from otto_reconcile.model.shared import SharedDocument, SharedToolService, compose, may_use
from otto_reconcile.records.events import NEWER, Desired, DesiredBot


def composed(wanted: DesiredBot, desired: Desired) -> DesiredBot:
    """One bot with all that it shares; the very same where it shares nothing."""
    bot = compose(wanted.bot, (one.document for one in desired.shared.values()))
    return wanted if bot is wanted.bot else replace(wanted, bot=bot)


def users(name: str, desired: Desired) -> list[str]:
    """The bots that have something of this shared document, sorted."""
    everything = [one.document for one in desired.shared.values()]
    others = [one.document for other, one in desired.shared.items() if other != name]
    return sorted(
        bot_id
        for bot_id, wanted in desired.bots.items()
        if compose(wanted.bot, everything) != compose(wanted.bot, others)
    )


def _held(desired: Desired) -> dict[str, str]:
    """The bots that may have something of a shared document that a newer version wrote."""
    newer = [name for name, why in desired.unreadable_shared.items() if why == NEWER]
    return {
        bot_id: f"it may share {name!r}: {NEWER}"
        for name in sorted(newer, reverse=True)
        for bot_id, wanted in desired.bots.items()
        if may_use(wanted.bot, name)
    }


def services_of(desired: Desired) -> frozenset[str]:
    """The tool services that anybody wants, whether a tool of theirs is named or not."""
    own = (service.name for one in desired.bots.values() for service in one.bot.tool_services)
    return frozenset(own) | shared_services(desired)


def shared_services(desired: Desired) -> frozenset[str]:
    """Those of them that are documents of their own."""
    documents = (one.document for one in desired.shared.values())
    return frozenset(one.id for one in documents if isinstance(one, SharedToolService))


class Composer:
    """Gives the same bot again, not an equal one, as long as nothing of it has changed."""

    def __init__(self) -> None:
        self._last: tuple[list[SharedDocument], dict[str, tuple[DesiredBot, DesiredBot]]] = ([], {})

    def effective(self, desired: Desired) -> Desired:
        """The desired state with what is shared in each bot, which is all that targets know of.

        Of a damaged shared document they have what it had in its last revision that can be read.
        Of one that a newer version wrote nobody knows what the bots have: those that may have
        something of it are to be left as they are.
        """
        if held := _held(desired):
            unreadable = dict(sorted({**desired.unreadable, **held}.items()))
            bots = {bot_id: one for bot_id, one in desired.bots.items() if bot_id not in held}
            desired = replace(desired, bots=bots, unreadable=unreadable)
        desired = replace(desired, shared={**desired.last_shared, **desired.shared})
        library = [one.document for one in desired.shared.values()]
        last_library, composed_last = self._last  # read at once: other threads may be here too
        before = composed_last if library == last_library else {}
        now = {}
        for bot_id, wanted in desired.bots.items():
            known = before.get(bot_id)
            if known is None or known[0] is not wanted:
                known = (wanted, composed(wanted, desired))
            now[bot_id] = known
        self._last = (library, now)
        return replace(desired, bots={bot_id: pair[1] for bot_id, pair in now.items()})

    def moved(self, desired: Desired, before: Desired, bot_ids: Iterable[str]) -> Desired:
        """As `effective`, where nothing but these bots is otherwise than it was in `before`.

        All that is shared has to be readable.
        """
        _, last = self._last
        bots, came = dict(before.bots), False
        for bot_id in bot_ids:
            if (wanted := desired.bots.get(bot_id)) is None:
                last.pop(bot_id, None)
                bots.pop(bot_id, None)
            else:
                last[bot_id] = (wanted, composed(wanted, desired))
                came = came or bot_id not in bots
                bots[bot_id] = last[bot_id][1]
        return replace(desired, bots=dict(sorted(bots.items())) if came else bots)
