"""The command `routes`: which target has which bot, once or for a proxy that goes on asking."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from otto_reconcile.cli.console import Output, note, say_data, say_table, say_text, writing
from otto_reconcile.cli.places import find_daemon, opened_store
from otto_reconcile.cli.unknown import not_there
from otto_reconcile.errors import OttoError, StoreUnavailable
from otto_reconcile.fleet.routes import Route, Router, Routes
from otto_reconcile.records.placements import Placements
from otto_reconcile.render.tables import Table
from otto_reconcile.server import run_until_signalled
from otto_reconcile.server.loopback import listening
from otto_reconcile.settings import Settings
from otto_reconcile.store import is_there, open_store
from otto_reconcile.store.base import Store

_NONE = "note: no bot is placed; a daemon with `targets` or --shard places them"


def run_routes(settings: Settings, bot_id: str | None, output: Output) -> int:
    """All routes, or that of one bot. Raises NotFound and StoreUnavailable."""
    with opened_store(settings) as store:
        routes = Routes(lambda: Placements(store))
        routes.read()
    if routes.error is not None:
        raise StoreUnavailable(routes.error)
    found = routes.to_document()
    if bot_id is not None:
        if (route := routes.of(bot_id)) is None:
            known = [str(one["bot"]) for one in found]
            hint = "otto-reconcile routes lists them; only a daemon with `targets` places bots"
            said = "no target has a {}"
            raise not_there(bot_id, known, find_daemon(settings), said=said, listed=hint)
        found = [route._asdict()]
    if output in (Output.JSON, Output.YAML):
        say_data(found if bot_id is None else found[0], output)
    else:
        if not found:
            note(_NONE)
        say_table(Table(Route._fields, [list(one.values()) for one in found]), output)
    return 0


def serve_routes(settings: Settings, port: int) -> int:
    """Answers for a proxy on loopback, until SIGINT or SIGTERM. Raises SettingsError."""
    opened = _Opened(settings)
    router = Router(Routes(opened.placements))

    async def main(stopping: asyncio.Event) -> int:
        async with listening(router.app, port, option="--serve", name="routes") as url:
            _say(f"routes at {url}/routes, and of one bot at {url}/bots/BOT; Ctrl-C stops it")
            await stopping.wait()
        return 0

    try:
        return run_until_signalled(main)
    finally:
        opened.close()


class _Opened:
    """The store as soon as it is there, and as long as it is: a router makes none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: Store | None = None

    def placements(self) -> Placements:
        """Raises StoreUnavailable."""
        if not is_there(self._settings):
            self.close()
            raise StoreUnavailable(f"there is no store in {self._settings.data_dir}")
        self._store = self._store or open_store(self._settings)
        return Placements(self._store)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


def _say(text: str) -> None:
    """Nobody has to read it."""
    with suppress(BrokenPipeError, OttoError), writing():
        say_text(text)
