"""Puts the bridge into the app of a Parlant that is being made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Mount, Router

from otto_reconcile.bridge.admitting import Admitting
from otto_reconcile.bridge.answers import behind_token, refused
from otto_reconcile.bridge.keeping import Keeper
from otto_reconcile.bridge.making import Making
from otto_reconcile.errors import SettingsError, reason_of
from otto_reconcile.port.bridge import PATH, run_token
from otto_reconcile.server.change_hook import App, ChangeHook, Message, Receive, Send
from otto_reconcile.server.restore_gate import RestoreGate
from otto_reconcile.server.sdk_host import (
    agent_of_session,
    agents_of,
    birth_of,
    bound_to,
    current_server,
    host_process,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

_log = logging.getLogger("otto_reconcile.bridge")


def install(app: FastAPI, token: str, hold: float) -> None:
    """Raises SettingsError if no server is being entered, or it has a bridge already."""
    server = current_server()
    if getattr(app.state, "otto_bridge", False):
        raise SettingsError("this server has a bridge already")
    app.state.otto_bridge = True
    keeper = Keeper(hold)
    hook = ChangeHook(keeper.feed, run_token(token), keeper.feed.wake, keeper.work)
    whose = partial(agent_of_session, server)
    gate = RestoreGate(keeper.admission, keeper.hold_up, keeper.feed.use, agent_of=whose)
    asked = partial(birth_of, server), partial(bound_to, server)
    making = Making(cache(lambda: host_process(server)), *asked)
    admitting = Admitting(keeper, hook.headers, lambda: hook.busy)
    routes = Router([*admitting.routes(), *making.routes()], redirect_slashes=False)
    answering = ExceptionMiddleware(routes, handlers={HTTPException: refused})
    mounted = behind_token(answering, token, keeper.asked)
    app.router.routes.insert(0, Mount(PATH, app=mounted))
    app.add_middleware(hook.middleware)
    app.add_middleware(_while_serving(keeper, server))
    app.user_middleware.append(Middleware(gate.middleware))  # the innermost


def _while_serving(keeper: Keeper, server: Any) -> Callable[[App], App]:
    """Notes what the program has made, and lets nobody wait for ever."""

    def around(app: App) -> App:
        async def hooked(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] != "lifespan":
                await app(scope, receive, send)
                return
            keeper.begin(await _made_by_the_program(server))
            watching = asyncio.create_task(keeper.watch(), name="otto-bridge")
            try:
                await app(scope, receive, send)
            finally:
                watching.cancel()

        return hooked

    return around


async def _made_by_the_program(server: Any) -> list[str]:
    try:
        return await agents_of(server)
    except Exception as error:  # the server is to serve all the same
        _log.warning("the program's own agents are not known: %s", reason_of(error))
        return []
