"""Whose bots a chat may see and change. For `service` and `queries`; the tools say who asks.

Parlant knows a customer by an id, which whoever opened the session gave. All who gave none share
the customer `guest`: they are told apart by their session, which ends with Parlant's process.
"""

from __future__ import annotations

from enum import StrEnum

from otto_reconcile.desired import DesiredBot, Source
from otto_reconcile.records.events import ROLLBACK
from otto_reconcile.records.rollbacks import MANIFEST

KIND = "otto"
"""The kind of source of what was wanted in a chat; `session` is the chat's."""
GUEST = "guest"
"""Parlant's id for customers that nobody knows."""


class Access(StrEnum):
    """What `run --otto-access` takes."""

    OWN = "own"  # the bots that Otto made for the same customer
    ALL = "all"  # every bot that is not kept in a file
    OFF = "off"  # there is no Otto


def owner_of(session: str, customer: str = GUEST) -> str:
    """The name under which a bot is kept for a customer."""
    return f"session:{session}" if customer in ("", GUEST) else f"customer:{customer}"


def owns(owner: str, wanted: DesiredBot) -> bool:
    """True if Otto made the bot for this owner, and nobody but Otto has written it since."""
    return wanted.source.kind == KIND and wanted.source.owner == owner


def is_in_a_file(source: Source) -> bool:
    """True of what the next import of a folder would bring back."""
    return source.kind in (MANIFEST, ROLLBACK) and bool(source.root)


def why_not_yours(wanted: DesiredBot) -> str:
    """A sentence for the customer."""
    source = wanted.source
    if is_in_a_file(source):
        why = f"is kept in the file {source.path or source.root}"
    elif source.kind == KIND:
        why = "was made for another customer, or in a conversation that is over"
    else:
        why = "is kept by whoever runs this server"
    return (
        f"{wanted.bot.name} {why}: it is neither shown nor changed nor deleted in this chat. "
        "Whoever runs this server can do that."
    )
