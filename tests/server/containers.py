"""What a Parlant server's container holds; as a script, what a plain `p.Server()`'s does.

The script is given a port for the tools and prints one JSON object on its last line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any


def contents(container: Any) -> dict[str, str]:
    """The implementation behind each type of the container, and the types of its parts."""
    types = [t for t in container.defined_types if isinstance(t, type)]
    return {
        f"{t.__module__}.{t.__qualname__}": _name(container, t)
        for t in sorted(types, key=lambda t: (t.__module__, t.__qualname__))
        if t.__module__.startswith("parlant.")
    }


def _name(container: Any, wanted: type) -> str:
    from lagom.exceptions import LagomException

    try:
        held = container[wanted]
    except LagomException:
        return "abstract"
    parts = sorted(type(part).__qualname__ for part in getattr(held, "__dict__", {}).values())
    return f"{type(held).__module__}.{type(held).__qualname__} of {', '.join(parts)}"


class Seen(Exception):
    """Leaves the server before it serves."""


async def plain(tool_port: int) -> dict[str, str]:
    import parlant.sdk as p

    from otto_reconcile.server.offline_nlp import OfflineService

    found: dict[str, str] = {}
    try:
        async with p.Server(
            tool_service_port=tool_port, nlp_service=lambda c: OfflineService()
        ) as server:
            found = contents(server.container)
            raise Seen
    except Seen:
        pass
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(plain(int(sys.argv[1])))))
