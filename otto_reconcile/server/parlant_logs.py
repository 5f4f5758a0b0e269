"""Keeps Parlant's banner, progress bar and log off the terminal; `embedded` uses it.

Parlant's own log goes on in `parlant.log` in its home, from WARNING upwards; here a line for each
error reaches `logging.getLogger("otto_reconcile.server")`.
"""

from __future__ import annotations

import ast
import asyncio
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from otto_reconcile.port import expecting
from otto_reconcile.server.change_hook import App, Message, Receive, Send

log = logging.getLogger("otto_reconcile.server")

LINE_LIMIT = 300
"""Characters of an error of Parlant's that are passed on."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_PREFIX = re.compile(r"^\S+ \[\w+\s*\]\s*(?:\[[^\]]*\])*\s*")
_TRACE = "Traceback (most recent call last)"
_FRAME = (" ", "Traceback (", "The above exception", "During handling")
_TALKATIVE = ("httpx", "httpcore", "uvicorn", "uvicorn.access", "uvicorn.error", "mcp", "openai")


@contextmanager
def silent_console() -> Iterator[None]:
    """Silences rich's shared console, on which Parlant draws as long as its server lives.

    Whatever else prints needs a `rich.console.Console` of its own.
    """
    import rich

    console = rich.get_console()
    before = console.file
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console.file = nowhere
        try:
            yield
        finally:
            console.file = before


def take_over_logs() -> None:
    """Leads Parlant's log records to `log` in place of stderr. Called once Parlant is imported."""
    parlant = logging.getLogger("parlant")
    for handler in list(parlant.handlers):
        if isinstance(handler, logging.FileHandler):
            handler.addFilter(lambda record: record.levelno >= logging.WARNING)
        else:
            parlant.removeHandler(handler)
    parlant.addHandler(_Forward(logging.ERROR))
    parlant.propagate = False
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))


def tame_forgotten_tasks() -> None:
    """A task of Parlant's that failed and that Parlant forgot is a line, not a traceback.

    This lasts as long as the running loop: such tasks show when they are collected, which may be
    after the server's end.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if _is_parlants(context.get("future")):
            error = context.get("exception")
            log.warning("Parlant: a task failed: %s: %s", type(error).__name__, error)
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _is_parlants(future: object) -> bool:
    coroutine = future.get_coro() if isinstance(future, asyncio.Task) else None
    code = getattr(coroutine, "cr_code", None)
    return code is not None and f"{os.sep}parlant{os.sep}" in code.co_filename


def expecting_failures(app: App) -> App:
    """An ASGI app around all of Parlant's, which logs what it raised outside of any middleware."""
    mark = (expecting.HEADER.encode(), expecting.FAILURE.encode())

    async def wrapped(scope: Message, receive: Receive, send: Send) -> None:
        with expecting.failures(expected=scope["type"] == "http" and mark in scope["headers"]):
            await app(scope, receive, send)

    return wrapped


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if line := one_line(record.getMessage()):
            level = logging.DEBUG if expecting.is_expected() else record.levelno
            log.log(level, "Parlant: %s", line)


def one_line(text: str) -> str:
    """An error of Parlant's without colours, time and ids; of a traceback, what was raised."""
    text = _PREFIX.sub("", _COLOURS.sub("", text).strip())
    if _TRACE in text:
        # Parlant logs a traceback as the list that `traceback.format_exception` gave.
        begin = max(text.rfind("[", 0, text.index(_TRACE)), 0)
        text = f"{text[:begin]}{_raised(text[begin:])}"
    text = " ".join(text.split())
    return text if len(text) <= LINE_LIMIT else text[: LINE_LIMIT - 1] + "…"


def _raised(trace: str) -> str:
    """The last exception of a traceback and, if it is another one, the first, its cause."""
    try:
        trace = "".join(ast.literal_eval(trace))
    except (ValueError, SyntaxError):
        trace = trace.replace("\\n", "\n")
    raised = [line for line in trace.splitlines() if line and not line.startswith(_FRAME)]
    if not raised:
        return ""
    cause = f" (because of {raised[0]})" if raised[0] != raised[-1] else ""
    return f"{raised[-1]}{cause}"
