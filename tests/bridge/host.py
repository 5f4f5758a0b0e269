"""A program of somebody's own that hosts a Parlant, with the line of docs/bridge.md in it.

`host REPORT PORT`; REPORT gets the port before it serves. HOLD is the bridge's `hold`, with
SESSIONS=local conversations outlive the program.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from otto_reconcile.bridge import bridge
from tests.parlant_server.serving import free_port, make_server, tell
from tests.parlant_server.tools import enable


async def add_a_route(app: Any) -> None:
    """The program's own `configure_api`."""
    app.add_api_route("/own", lambda: {"own": True})


async def main(report: Path, port: int) -> None:
    port = free_port(port)
    token, hold = os.environ["OTTO_BRIDGE_TOKEN"], float(os.environ.get("HOLD", "60"))
    tell(report, port=port)
    configure = bridge(token=token, also=add_a_route, hold=hold)
    sessions = os.environ.get("SESSIONS", "transient")
    async with make_server(port, configure, sessions) as server:
        await enable(server)


if __name__ == "__main__":
    reported, wanted = Path(sys.argv[1]), int(sys.argv[2])
    try:
        asyncio.run(main(reported, wanted))
    except BaseException:
        tell(reported, failed=True)
        raise
