"""Loopback sockets for the embedded server: one to serve on, one that keeps a port free."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from otto_reconcile.errors import SettingsError

HOST = "127.0.0.1"


def bind(port: int, option: str = "--port") -> socket.socket:
    """A socket bound to `port` on loopback (0: any free one), which does not listen yet.

    A client that connects before `listen` is refused. Raises SettingsError if the port is taken
    or may not be used.
    """
    # With its protocol named, as asyncio asks for it before it sends small answers at once
    # (TCP_NODELAY): else each answer on a kept connection waits 40 ms for an acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Else a port whose last connections are still in TIME_WAIT could not be used again at once.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        raise refused(port, error, option) from error
    bound.setblocking(False)
    return bound


@contextmanager
def reserved() -> Iterator[int]:
    """A free port for somebody who will listen on it himself, kept from others meanwhile."""
    with bind(0) as kept:
        port = number(kept)
        if sys.platform != "linux":
            # Elsewhere a port that is bound, though nobody listens, cannot be bound again.
            kept.close()
        yield port


def refused(port: int, error: OSError, option: str = "--port") -> SettingsError:
    """What to tell a person when `port` could not be opened."""
    hint = f"choose another one with {option}, or {option} 0 for any free one"
    if error.errno == errno.EADDRINUSE:
        return SettingsError(f"port {port} is taken", hint=hint)
    return SettingsError(f"port {port} cannot be used: {error.strerror}", hint=hint)


def number(bound: socket.socket) -> int:
    """The port that a socket is bound to."""
    return int(bound.getsockname()[1])
