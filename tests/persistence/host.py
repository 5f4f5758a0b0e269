"""A program of somebody's own, whose sessions outlive it: `host TOOLS STORE`, as `Program` runs it.

It asks Parlant to keep sessions and customers in PARLANT_HOME; its bots come from the store.
"""

import asyncio
import os
import runpy
from pathlib import Path
from typing import Any

import parlant.sdk as p
from parlant.core.engines.alpha.perceived_performance_policy import (
    NullPerceivedPerformancePolicy,
    PerceivedPerformancePolicyProvider,
)

from otto_reconcile.persistence import DomainPersistence, attach
from otto_reconcile.store.sqlite import SQLiteStore
from tests.persistence.patient import factory


async def at_once(container: p.Container) -> p.Container:
    """Without the pauses that make an agent look like a person."""
    policy = PerceivedPerformancePolicyProvider(NullPerceivedPerformancePolicy())
    container[PerceivedPerformancePolicyProvider] = policy
    return container


def tools_in(file: str) -> list[Any]:
    return [value for value in runpy.run_path(file).values() if isinstance(value, p.ToolEntry)]


async def main() -> None:
    persistence = DomainPersistence.over(SQLiteStore(Path(os.environ["STORE"])))
    async with p.Server(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        tool_service_port=int(os.environ["TOOL_PORT"]),
        nlp_service=factory,
        session_store="local",
        customer_store="local",
        configure_container=at_once,
    ) as server:
        tools = tools_in(os.environ["TOOLS"])
        attachment = await attach(server, persistence=persistence, tools=tools, evaluate="eager")
    await attachment.stop()


if __name__ == "__main__":
    asyncio.run(main())
