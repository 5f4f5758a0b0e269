"""Kind `tool_service`: tools that another server hosts. Its key is its name; bots may share it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from otto_reconcile.model.bot import Bot, ToolService
from otto_reconcile.model.kinds import Field, Kind, make, register
from otto_reconcile.model.part import HOSTED
from otto_reconcile.model.resource import Resource

FIELDS = (
    Field("kind"),
    Field("url"),
    Field("source"),
)


class Fault(NamedTuple):
    """What is wrong with a field of a service, and what to do."""

    field: str
    message: str
    hint: str | None = None


def fault_of(service: ToolService) -> Fault | None:
    """Why Parlant could not use this service, or would take it for another one."""
    if service.name in HOSTED:
        return Fault("name", f"`{service.name}` is the name of a service that is always there")
    if service.kind == "openapi" and service.source is None:
        hint = "name the file or URL of its OpenAPI description"
        return Fault("source", "a service of kind openapi needs a `source`", hint)
    if service.kind != "openapi" and service.source is not None:
        return Fault("source", f"a service of kind {service.kind} has no `source`", "remove it")
    return _fault_of_url(service)


def _fault_of_url(service: ToolService) -> Fault | None:
    try:
        parts = urlsplit(service.url)
        port = parts.port
    except ValueError:
        return Fault("url", "this is no address of a server", "write http://HOST:PORT")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Fault("url", "this is no address of a server", "write http://HOST:PORT")
    if service.kind == "openapi":
        return None
    if parts.query or parts.fragment or _path(service) not in ("", "/"):
        hint = "leave out what follows the port"
        return Fault("url", f"Parlant finds a service of kind {service.kind} by its host", hint)
    if service.kind == "mcp" and port is None:
        return Fault("url", "the port of an MCP service is missing", "write http://HOST:PORT")
    return None


def _path(service: ToolService) -> str:
    """What stands behind host and port. Of an MCP service it is always `/mcp`, said or not."""
    path = urlsplit(service.url).path.rstrip("/")
    return path.removesuffix("/mcp") if service.kind == "mcp" else path


def address(service: ToolService) -> str:
    """The one form of its URL in which it is sent and compared."""
    url = service.url.rstrip("/")
    return url.removesuffix("/mcp") if service.kind == "mcp" else url


def _holds_credentials(url: str) -> bool:
    return "@" in urlsplit(url).netloc


def expand(bot: Bot) -> Iterable[Resource]:
    for service in bot.tool_services:
        prefix = f"tool_services/{service.name}/"
        masked = {path.removeprefix(prefix) for path in bot.masked if path.startswith(prefix)}
        named = {"url": address(service), "source": service.source or ""}
        masked |= {name for name, url in named.items() if _holds_credentials(url)}
        values = {"kind": service.kind, "url": named["url"], "source": service.source}
        yield make("tool_service", service.name, bot.id, values, masked=masked)


KIND = register(Kind("tool_service", 15, FIELDS, expand, shared=True, plural="services"))
