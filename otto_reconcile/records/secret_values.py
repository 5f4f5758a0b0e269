"""The secrets of a bot as they are: so that they are found where others have put them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from otto_reconcile.model import Bot
from otto_reconcile.planning.redaction import texts
from otto_reconcile.records.rows.values import value_at

_VARIABLE = re.compile(r"\$\{[^}]*\}")


def secret_values(bot: Bot) -> frozenset[str]:
    """What stands for the variables in each masked text; all of it where its form is another."""
    if not bot.masked:
        return frozenset()
    document = bot.to_document()
    return frozenset(
        secret
        for path, masked in bot.masked.items()
        for text in texts(value_at(document, path))
        for secret in _values(masked.template, text)
    )


def _values(template: str, text: str) -> Iterator[str]:
    literals = [re.escape(literal) for literal in _VARIABLE.split(template)]
    found = re.fullmatch("(.*?)".join(literals), text, re.DOTALL)
    yield from found.groups() if found is not None and found.groups() else (text,)
