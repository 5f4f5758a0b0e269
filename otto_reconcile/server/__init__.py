"""The embedded Parlant server and what `run` needs around it; importing this package stays cheap.

Parlant itself is imported only while `EmbeddedServer.serve` runs, in a thread of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otto_reconcile.server.change_hook import CHANGE_HEADER, ChangeHook
    from otto_reconcile.server.embedded import EmbeddedServer
    from otto_reconcile.server.signals import run_until_signalled

_HOME = {
    "CHANGE_HEADER": "change_hook",
    "ChangeHook": "change_hook",
    "EmbeddedServer": "embedded",
    "run_until_signalled": "signals",
}

__all__ = ["CHANGE_HEADER", "ChangeHook", "EmbeddedServer", "run_until_signalled"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
