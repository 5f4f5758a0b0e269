"""A fence: asked before each call that changes a target, by whatever makes the call.

One action may take several calls (a replacement is a deletion and a creation), and a process may be
stopped between two of them for as long as anybody likes. So whoever acts under a lease sets up the
fence, and the port asks it before every single call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from otto_reconcile.errors import TemporaryError

LOST = "the lease of this target has run out, or another daemon has taken it"


class LeaseLost(TemporaryError):
    """The call was not made: whoever makes it may no longer act on the target."""


_allowed: ContextVar[Callable[[], bool] | None] = ContextVar("fence", default=None)


@contextmanager
def fenced(allowed: Callable[[], bool]) -> Iterator[None]:
    """While it lasts, no call of this task changes a target unless `allowed` says so."""
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def check() -> None:
    """Raises LeaseLost if there is a fence and it is closed."""
    allowed = _allowed.get()
    if allowed is not None and not allowed():
        raise LeaseLost(f"stopped in the middle: {LOST}")
