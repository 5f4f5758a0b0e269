"""Names of tools: `service:tool` or `tool` here, two names on the wire. The adapters call it."""

from __future__ import annotations

from otto_reconcile.resources.guideline import BUILT_IN


def split_tool(name: str) -> tuple[str, str]:
    """Service and tool; a bare name is a tool that is hosted with the server."""
    service, colon, tool = name.partition(":")
    return (service, tool) if colon else (BUILT_IN, name)


def tool_to_wire(name: str) -> dict[str, str]:
    service, tool = split_tool(name)
    return {"service_name": service, "tool_name": tool}


def tool_from_wire(service: str, tool: str) -> str:
    return tool if service == BUILT_IN else f"{service}:{tool}"
