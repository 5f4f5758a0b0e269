"""What programs give to `attach` and `rehydrate_bots_from_persistence`, looked at before use."""

from __future__ import annotations

import math
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from otto_reconcile.errors import SettingsError
from otto_reconcile.persistence.domain import DomainPersistence
from otto_reconcile.persistence.fitting import listed
from otto_reconcile.persistence.sdk_maker import Server, Tool
from otto_reconcile.reconcile.evaluation.scheduler import Mode


@dataclass(frozen=True)
class Given:
    """`target` is the name under which the server's bots are kept account of."""

    server: Server
    target: str
    tools: tuple[Tool, ...]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, server: Server, *, target: object, tools: object, headers: object) -> Given:
        """Raises SettingsError that names the argument which cannot be used."""
        if not (hasattr(server, "container") and hasattr(server, "port")):
            raise SettingsError(
                "server: give the p.Server, in the body of `async with p.Server() as server`"
            )
        if target is not None and not (isinstance(target, str) and target.strip()):
            raise SettingsError("target: give a name, or None for that of machine and port")
        return cls(server, target or target_of(server), _tools(tools), _headers(headers))


def target_of(server: Server) -> str:
    """The name of a server that was given none: its machine and its port."""
    return f"sdk:{socket.gethostname()}:{server.port}"


def must_be_persistence(given: object) -> None:
    """Raises SettingsError."""
    if not isinstance(given, DomainPersistence):
        raise SettingsError(
            f"persistence: give a DomainPersistence, such as get_persistence(), not {_kind(given)}"
        )


def must_be_interval(given: object) -> None:
    """Raises SettingsError."""
    right = isinstance(given, int | float) and math.isfinite(given) and given > 0
    if not right:
        raise SettingsError("interval: give a number of seconds above 0")


def mode_of(given: object) -> Mode:
    """Raises SettingsError."""
    if isinstance(given, bool):
        return Mode.LAZY if given else Mode.OFF
    if not isinstance(given, str) or given not in [*Mode]:
        raise SettingsError(f"evaluate: give True, False or one of {', '.join(Mode)}")
    return Mode(given)


def _tools(given: object) -> tuple[Tool, ...]:
    tools = listed(given) or []
    if not isinstance(tools, list) or not all(hasattr(tool, "tool") for tool in tools):
        raise SettingsError("tools: give a list of functions that @p.tool marks")
    names = Counter(tool.tool.name for tool in tools)
    for name in sorted(name for name in names if names[name] > 1):
        raise SettingsError(f"tools: two are named {name!r}, and Parlant would have one of them")
    return tuple(tools)


def _headers(given: object) -> Mapping[str, str]:
    headers = given or {}
    texts = isinstance(headers, Mapping) and all(
        isinstance(part, str) for pair in headers.items() for part in pair
    )
    if not isinstance(headers, Mapping) or not texts:
        raise SettingsError("headers: give a mapping of texts to texts")
    return headers


def _kind(given: object) -> str:
    return "None" if given is None else f"a {type(given).__name__}"
