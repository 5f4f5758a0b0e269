"""Uvicorn without its hands on the process: for servers that run beside others in one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn


class Unsignalled(uvicorn.Server):
    """Leaves the process's signals to the caller."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
