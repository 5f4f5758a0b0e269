"""The bots with all that they share, as they are to be on a target; asked for by `DesiredState`."""

from __future__ import annotations

from dataclasses import replace

from otto_reconcile.events import Desired, Wanted
from otto_reconcile.resources.shared import SharedDocument, weave


def woven(wanted: Wanted, desired: Desired) -> Wanted:
    """One bot with all that it shares; the very same where it shares nothing."""
    bot = weave(wanted.bot, (one.document for one in desired.shared.values()))
    return wanted if bot is wanted.bot else replace(wanted, bot=bot)


def users(name: str, desired: Desired) -> list[str]:
    """The bots that have something of this shared document, sorted."""
    everything = [one.document for one in desired.shared.values()]
    others = [one.document for other, one in desired.shared.items() if other != name]
    return sorted(
        bot_id
        for bot_id, wanted in desired.bots.items()
        if weave(wanted.bot, everything) != weave(wanted.bot, others)
    )


class Weaver:
    """Gives the same bot again, not an equal one, as long as nothing of it has changed."""

    def __init__(self) -> None:
        self._last: tuple[list[SharedDocument], dict[str, tuple[Wanted, Wanted]]] = ([], {})

    def effective(self, desired: Desired) -> Desired:
        """The desired state with what is shared in each bot, which is all that targets know of.

        As long as a shared document cannot be read, nobody knows what the bots have of it: they
        are to be left as they are.
        """
        if desired.unreadable_shared:
            name, why = min(desired.unreadable_shared.items())
            held = dict.fromkeys(desired.bots, f"it may share {name!r}: {why}")
            return replace(
                desired, bots={}, unreadable=dict(sorted({**held, **desired.unreadable}.items()))
            )
        library = [one.document for one in desired.shared.values()]
        last_library, woven_last = self._last  # read at once: other threads may be here too
        before = woven_last if library == last_library else {}
        now = {}
        for bot_id, wanted in desired.bots.items():
            known = before.get(bot_id)
            if known is None or known[0] is not wanted:
                known = (wanted, woven(wanted, desired))
            now[bot_id] = known
        self._last = (library, now)
        return replace(desired, bots={bot_id: pair[1] for bot_id, pair in now.items()})
