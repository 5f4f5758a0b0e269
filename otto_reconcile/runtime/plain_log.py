"""The loop's log lines through the standard library's logging: it is the host program's to set."""

from __future__ import annotations

import logging
from typing import Any

from otto_reconcile.runtime.escaping import visible

_log = logging.getLogger("otto_reconcile.persistence")


class PlainLog:
    """`Reporter` logs an event with fields; here they are one line of `event name=value ...`."""

    def debug(self, event: str, /, **fields: Any) -> None:
        _log.debug("%s", _line(event, fields))

    def info(self, event: str, /, **fields: Any) -> None:
        _log.info("%s", _line(event, fields))

    def warning(self, event: str, /, **fields: Any) -> None:
        _log.warning("%s", _line(event, fields))


def _line(event: str, fields: dict[str, Any]) -> str:
    return visible(" ".join([event, *(f"{name}={value}" for name, value in fields.items())]))
