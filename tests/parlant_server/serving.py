"""Makes the Parlant server that tests use, and serves it: `serving REPORT PORT`.

The report is a file with the port, written before it serves. PARLANT_HOME must be set before: it is
read when Parlant is imported.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def free_port(wanted: int = 0) -> int:
    """A port of the loopback that is free now; `wanted` if given, else raises OSError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", wanted))
        return int(probe.getsockname()[1])


def make_server(
    port: int, configure_api: Callable[..., Any] | None = None, sessions: str = "transient"
) -> Any:
    """A `parlant.sdk.Server` on the loopback, with no model; "local" `sessions` outlive it."""
    import parlant.sdk as p

    from otto_reconcile.server.offline_nlp import OfflineService

    return p.Server(
        host="127.0.0.1",
        port=port,
        tool_service_port=free_port(),
        nlp_service=lambda container: OfflineService(),
        log_level=p.LogLevel.CRITICAL,
        configure_api=configure_api,
        session_store=sessions,
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


if __name__ == "__main__":
    reported, wanted = Path(sys.argv[1]), int(sys.argv[2])
    try:
        asyncio.run(serve(reported, wanted))
    except BaseException:
        tell(reported, failed=True)
        raise
