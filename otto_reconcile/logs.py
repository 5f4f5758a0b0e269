"""The log of the daemon: structured lines, for people on a console or as JSON for machines."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO


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
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
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
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(stream)
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
