"""Calls to Parlant that may fail as foreseen: the failure is an answer, and no fault to be told.

Parlant logs an error for each 500 that it answers. Where the caller deals with that, the embedded
server's log says it only in debug: here by the task that calls, and across processes by a header.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "x-otto-expects"
"""A request with it may fail as foreseen."""
FAILURE = "failure"

_expected: ContextVar[bool] = ContextVar("expected", default=False)


@contextmanager
def failures(*, expected: bool = True) -> Iterator[None]:
    """While it lasts, what this task and its tasks call may fail as foreseen, if it is expected."""
    token = _expected.set(expected)
    try:
        yield
    finally:
        _expected.reset(token)


def is_expected() -> bool:
    return _expected.get()
