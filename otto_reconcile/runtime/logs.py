"""The log of the daemon: structured lines, for people on a console or as JSON for machines.

In a program that embeds us, lines of the standard library's logging, which that program sets.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, TextIO

from otto_reconcile.runtime.escaping import escaped, visible, visible_lines, without_logins


def _as_json(value: Any, **options: Any) -> str:
    return escaped(json.dumps(value, ensure_ascii=False, **options))


def _spelt_out(logger: Any, method: str, event: Any) -> Any:
    """A processor: no text of others steers the terminal, or looks like a line of the log."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _indented(value) if name == "exception" else visible(value)
    return event


def _indented(trace: str) -> str:
    """A traceback, whose lines come from anywhere, set off from the lines of the log."""
    return "\n".join(f"  {line}" for line in visible_lines(trace).split("\n"))


def _without_logins(logger: Any, method: str, event: Any) -> Any:
    """No user and no password of a URL gets into a line, whoever wrote it."""
    return without_logins(dict(event))


class _OnErrorOutput(logging.StreamHandler[TextIO]):
    """Writes to what is the error output at that moment: a progress bar takes its place."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def configure(log_format: str, stream: TextIO | None = None) -> Any:
    """Sets structlog and the standard library's logging to one form, and gives the logger.

    `log_format` is `console`, or `json`, which has each single call of a restore as well.
    Colours only where the stream is a terminal.
    """
    import structlog

    stream = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = structlog.processors.JSONRenderer(_as_json)
    if log_format == "console":
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            pad_event_to=0,
            sort_keys=False,
            exception_formatter=plain,
        )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _without_logins,
            *([_spelt_out] if log_format == "console" else []),
            renderer,
        ],
    )
    logging.raiseExceptions = False  # a full disk or a closed pipe is no reason for a traceback
    handler = _OnErrorOutput() if stream is sys.stderr else logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    ours = logging.getLogger("otto_reconcile")
    ours.handlers[:] = [handler]
    ours.setLevel(logging.DEBUG if log_format == "json" else logging.INFO)
    ours.propagate = False
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return structlog.stdlib.get_logger("otto_reconcile")


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
