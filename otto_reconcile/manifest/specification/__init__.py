"""Otto's specification: the JSON in which bots were described before, to a Bot.

Called by `apply -f bot.json` with a text, and by Otto's chat tools with plain data.
"""

from __future__ import annotations

from otto_reconcile.manifest.specification.forms import LINES, Bearing
from otto_reconcile.manifest.specification.reading import (
    is_specification,
    parse,
    plain_data,
    validate,
)

__all__ = ["LINES", "Bearing", "is_specification", "parse", "plain_data", "validate"]
