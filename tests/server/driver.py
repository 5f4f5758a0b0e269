"""Runs an EmbeddedServer as `otto-reconcile run` does, and reports on stdout, one JSON a line.

Started by `running.Running` as a process of its own. Its standard error must stay empty.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from otto_reconcile.errors import OttoError
from otto_reconcile.reconcile.target_changes import TargetChanges
from otto_reconcile.server import EmbeddedServer, run_until_signalled
from tests.server import containers


def say(event: str, **values: object) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


class Reported(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say("log", level=record.levelname, text=record.getMessage())


async def tell(changes: TargetChanges) -> None:
    while True:
        touched = await changes.get()
        say("touched", kind=touched.kind, id=touched.id, bot_id=touched.bot_id)


def service(name: str | None) -> Any:
    if name not in ("failing", "slow"):
        return name
    from tests.server import models

    return models.factory(slow=name == "slow")


async def prepare(options: argparse.Namespace, app: Any, server: Any) -> None:
    contents = containers.contents(server.container) if options.contents else {}
    say("preparing", contents=contents)
    if options.prepare == "hang":
        await asyncio.Event().wait()
    if options.prepare == "fail":
        raise OttoError("the restore failed")


async def main(options: argparse.Namespace, stopping: asyncio.Event) -> int:
    changes: TargetChanges = asyncio.Queue()
    server = EmbeddedServer(
        home=Path(options.home), port=options.port, nlp=service(options.nlp), changes=changes
    )
    telling = asyncio.create_task(tell(changes))
    serving = asyncio.create_task(server.serve(lambda *args: prepare(options, *args)))
    ready = asyncio.create_task(server.ready.wait())
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, ready, asked}, return_when=asyncio.FIRST_COMPLETED)
    if server.ready.is_set():
        say("ready", url=server.url, tool_port=server.tool_port, headers=server.hook.headers)
    await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
    await server.stop()
    await serving
    telling.cancel()
    say("stopped")
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--nlp", default=None)
    parser.add_argument("--prepare", default="nothing")
    parser.add_argument("--contents", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    logging.getLogger("otto_reconcile.server").addHandler(Reported())
    logging.getLogger("otto_reconcile.server").propagate = False
    chosen = parsed()
    try:
        sys.exit(run_until_signalled(lambda stopping: main(chosen, stopping)))
    except OttoError as error:
        say("error", type=type(error).__name__, message=error.message, hint=error.hint)
        sys.exit(1)
