"""Ids: made from a text, made complete, made short again. Used by all readers and by `dumping`."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from otto_reconcile.model.part import LONGEST_ID

_SLUG_LENGTH = 40
_SHORT_ID = re.compile(r"[a-z0-9][a-z0-9-]*")


def slug(text: str) -> str:
    """Lower-case letters, digits and hyphens that recall the text; "" if nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return "-".join(re.findall("[a-z0-9]+", plain))


def derived(text: str) -> str:
    """The short id of what has none: some forty characters of the slug and six of a SHA-256."""
    text = text.strip()
    start = slug(text)
    if len(start) > _SLUG_LENGTH:
        cut = start.rfind("-", 0, _SLUG_LENGTH + 1)
        start = start[: cut if cut > 0 else _SLUG_LENGTH]
    end = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{start}-{end}" if start else end


def derived_from_name(name: str) -> str:
    """The short id of a term without one: `rma` for `RMA`, with a hash where the slug says less."""
    start = slug(name)
    lossless = start == "-".join(name.lower().split()) and len(start) <= _SLUG_LENGTH
    return start if start and lossless else derived(name)


def of_bot(name: str) -> str:
    """The id of a bot without one: the slug, or with a hash where letters of the name are lost."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    lost = any(letter.isalnum() and not letter.isascii() for letter in plain)
    start = slug(name)[:LONGEST_ID].strip("-")
    return derived(name) if lost or not start else start


def complete(bot_id: str, short: str) -> str:
    """`order-desk` and `order-status` give `order-desk.order-status`."""
    return f"{bot_id}.{short}"


def shortened(bot_id: str, exact: str) -> str | None:
    """The short id that gives this complete one in this bot, or None."""
    prefix = f"{bot_id}."
    short = exact.removeprefix(prefix)
    return short if exact.startswith(prefix) and is_short(short) else None


def is_short(text: str) -> bool:
    return _SHORT_ID.fullmatch(text) is not None
