"""The commands `suspend` and `resume`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from otto_reconcile import settings as environment
from otto_reconcile.cli.console import Output
from otto_reconcile.cli.outcomes import Done, tell_done
from otto_reconcile.cli.places import find_daemon, opened_store
from otto_reconcile.cli.unknown import no_bot
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import OttoError
from otto_reconcile.model.bot import SUSPEND
from otto_reconcile.records.events import Desired
from otto_reconcile.settings import Settings


def run_suspend(
    settings: Settings,
    bot_ids: Sequence[str],
    suspended: bool,
    reason: str | None,
    output: Output = Output.TABLE,
) -> int:
    """Stops or resumes the reconciling of bots; the bots themselves go on talking."""
    word = "suspended" if suspended else "resumed"
    done: list[Done] = []
    with opened_store(settings, writing=True) as store:
        desired = DesiredState(store)
        names = sorted(set(bot_ids))
        _refuse_unknown(names, desired.read(), settings)
        if not suspended:
            _refuse_declared(names, desired)
        for bot_id in names:
            # Its source stays: that a bot came from a folder must outlive a suspension.
            source = replace(desired.get(bot_id).source, note=reason)
            event = desired.suspend(bot_id, suspended, source=source, actor=environment.actor())
            done.append(Done(bot_id, word, event.revision if event is not None else None))
    tell_done(done, output)
    return 0


def _refuse_declared(names: Sequence[str], desired: DesiredState) -> None:
    """Raises OttoError for a bot that its manifest would suspend again at once."""
    for bot_id in names:
        wanted = desired.get(bot_id)
        if wanted.bot.annotations.get(SUSPEND) is True and not wanted.bot.suspended:
            where = wanted.source.path or "its manifest"
            hint = f"take `suspend: true` out of {where}"
            raise OttoError(f"{bot_id} is suspended by its manifest, not by hand", hint=hint)


def _refuse_unknown(names: Sequence[str], found: Desired, settings: Settings) -> None:
    for bot_id in names:
        if bot_id not in found.bots and bot_id not in found.unreadable:
            raise no_bot(bot_id, found, find_daemon(settings))
