"""The bridge: one line in a program that hosts a Parlant, and a daemon elsewhere manages it whole.

    async with p.Server(configure_api=bridge(token=os.environ["OTTO_BRIDGE_TOKEN"])) as server:
        ...

See docs/bridge.md. Importing this costs next to nothing: Parlant is there when it is used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from otto_reconcile.errors import SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI

SHORTEST = 16
"""Characters of a token, at least."""
HOLD = 60.0
"""Seconds that requests about bots wait for a daemon to say what is to come back."""

__all__ = ["bridge"]


def bridge(
    token: str,
    *,
    also: Callable[[FastAPI], Awaitable[Any]] | None = None,
    hold: float = HOLD,
) -> Callable[[FastAPI], Awaitable[None]]:
    """A `configure_api` for `parlant.sdk.Server`; `also` is the program's own, awaited first.

    Who has the `token` may change everything there. For `hold` seconds from the start requests
    about bots wait for a daemon; then they pass, as they always do for agents that the program has
    made before it serves. Raises SettingsError for a token that is too short or cannot be sent.
    """
    if len(token or "") < SHORTEST:
        raise SettingsError(
            f"bridge(token=...): a token has {SHORTEST} characters at least",
            hint="make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise SettingsError("bridge(token=...): a token has printable ASCII characters, no blanks")
    if not 0 <= hold < float("inf"):
        raise SettingsError("bridge(hold=...): give a number of seconds, 0 or more")

    async def configure(app: FastAPI) -> None:
        from otto_reconcile.bridge.installing import install

        if also is not None:
            await also(app)
        install(app, token, hold)

    return configure
