"""Imports Parlant's SDK as this process needs it, to host Parlant or tools."""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from otto_reconcile.errors import SettingsError, TargetUnavailable
from otto_reconcile.runtime.proxies import keep_loopback_direct

_TELEMETRY = ("LOGS", "METRICS", "TRACES")


def settle_environment(home: Path) -> None:
    """What Parlant reads from the environment while it is imported and started.

    `home` is its folder for caches and log. Raises SettingsError if that cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "parlant.log").touch()
    except OSError as error:
        raise SettingsError(
            f"{home} cannot be written: {error.strerror}", hint="choose a --data-dir"
        ) from error
    os.environ["PARLANT_HOME"] = str(home.resolve())
    os.environ["PARLANT_DATA_COLLECTION"] = "false"
    keep_loopback_direct()  # Parlant asks its tool services by clients of its own, for each kind
    for signal in _TELEMETRY:
        os.environ.pop(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", None)


async def imported() -> ModuleType:
    """parlant.sdk, which takes seconds to import: in a thread, so that a stop need not wait.

    The thread is a daemon: the process may end before it.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[ModuleType] = loop.create_future()

    def settle(module: ModuleType | None, error: BaseException | None) -> None:
        if not done.done():
            done.set_exception(error) if error else done.set_result(module)  # type: ignore[arg-type]

    def load() -> None:
        module, problem = None, None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = importlib.import_module("parlant.sdk")
        except BaseException as error:
            problem = TargetUnavailable(f"Parlant cannot be imported: {error}")
            problem.__cause__ = error
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, module, problem)

    threading.Thread(target=load, name="import-parlant", daemon=True).start()
    return await done
