"""Makes the Parlant server that tests use; when run, in processes that know Parlant already.

`serving` reads commands, a line each: `start API_PORT REPORT` forks a process that serves, `stop`
kills it; after either it says its pid. So a new life costs no import, which takes seconds.
PARLANT_HOME must be set before: it is read when Parlant is imported.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def free_port(wanted: int = 0) -> int:
    """A port of the loopback that is free now; `wanted` if given, else raises OSError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", wanted))
        return int(probe.getsockname()[1])


def make_server(port: int, configure_api: Callable[..., Any] | None = None) -> Any:
    """A `parlant.sdk.Server` on the loopback, with no model."""
    import parlant.sdk as p

    from otto_reconcile.server.offline import OfflineService

    return p.Server(
        host="127.0.0.1",
        port=port,
        tool_service_port=free_port(),
        nlp_service=lambda container: OfflineService(),
        log_level=p.LogLevel.CRITICAL,
        configure_api=configure_api,
    )


async def serve(report: Path, port: int) -> None:
    from tests.parlant_server.tools import enable

    port = free_port(port)
    tell(report, port=port)
    async with make_server(port) as server:
        await enable(server)


def tell(report: Path, **said: Any) -> None:
    part = report.with_suffix(".part")
    part.write_text(json.dumps(said))
    part.rename(report)


def live(report: Path, port: int) -> None:
    """A whole life in the forked process; says in the report if it could not begin."""
    os.close(0)
    os.dup2(2, 1)  # what Parlant prints is no answer to a command
    try:
        asyncio.run(serve(report, port))
    except BaseException:
        traceback.print_exc()
        tell(report, failed=True)
    finally:
        os._exit(1)


def obey() -> None:
    import parlant.sdk  # noqa: F401  (what each life would import)

    from tests.parlant_server import tools  # noqa: F401

    child = 0
    for line in sys.stdin:
        command, *arguments = line.split(maxsplit=2)
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        before, child = child, 0
        if command == "start":
            port, report = arguments
            child = os.fork()
            if not child:
                live(Path(report.rstrip("\n")), int(port))
        print(child or before, flush=True)
    if child:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    obey()
