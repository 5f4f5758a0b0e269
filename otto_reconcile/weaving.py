"""The bots with all that they share, as they are to be on a target; asked for by `DesiredState`."""

from __future__ import annotations

from dataclasses import replace

from otto_reconcile.events import Desired, Wanted
from otto_reconcile.resources import Bot
from otto_reconcile.resources.shared import SharedDocument, weave


class Weaver:
    """Gives the same bot again, not an equal one, as long as nothing of it has changed."""

    def __init__(self) -> None:
        self._library: tuple[SharedDocument, ...] = ()
        self._woven: dict[str, tuple[Bot, Wanted]] = {}

    def effective(self, desired: Desired) -> Desired:
        """The desired state with what is shared in each bot, which is all that targets know of.

        As long as a shared document cannot be read, nobody knows what the bots have of it: they
        are to be left as they are.
        """
        library = tuple(one.document for _, one in sorted(desired.shared.items()))
        woven = self._woven if library == self._library else {}
        bots = {}
        for bot_id, wanted in desired.bots.items():
            known = woven.get(bot_id)
            if known is None or known[0] is not wanted.bot or known[1].revision != wanted.revision:
                bot = weave(wanted.bot, library)
                known = (wanted.bot, wanted if bot is wanted.bot else replace(wanted, bot=bot))
            woven[bot_id] = known
            bots[bot_id] = known[1]
        self._library, self._woven = library, {i: woven[i] for i in bots}
        held = dict.fromkeys(bots, _reason(desired)) if desired.unreadable_shared else {}
        return replace(
            desired,
            bots={} if held else bots,
            unreadable=dict(sorted({**held, **desired.unreadable}.items())),
        )


def _reason(desired: Desired) -> str:
    name, why = min(desired.unreadable_shared.items())
    return f"it may share {name!r}: {why}"
