"""Holds Python's cyclic garbage collector back while very much is read at once.

What is read whole is kept, and makes no cycles. The collector cannot know that: it walks through
all there is again and again as the objects become more, which takes as long as the reading itself.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MUCH = 100_000
"""Objects that were made and are kept; the collector begins to look at 2,000."""
_lock = threading.Lock()
_inside = 0
_was_on = True


@contextmanager
def uncollected() -> Iterator[None]:
    """For work of seconds at most, in whatever thread; also a decorator."""
    global _inside, _was_on
    with _lock:
        if not _inside:
            _was_on = gc.isenabled()
            gc.disable()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _was_on:
                _age()
                gc.enable()


def _age() -> None:
    """Puts what is new among what is old, which is seldom walked through: if it is very much.

    Garbage that is among it by chance stays there longer, so this is not done for a little.
    """
    if gc.get_count()[0] > MUCH and not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
