"""A proxy in the environment is for the outside world: nothing on this machine goes through it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping, MutableMapping

from otto_reconcile.errors import SettingsError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_READ = frozenset({"http_proxy", "https_proxy", "all_proxy"})
"""The variables that clients take a proxy from, in either case."""


def keep_loopback_direct(environ: MutableMapping[str, str] = os.environ) -> None:
    """Adds loopback to NO_PROXY, which all clients heed: ours and those inside Parlant.

    What the person has in it stays. Without a proxy nothing is changed.
    """
    named = [name for name in environ if name.lower().endswith("_proxy") and environ[name]]
    if all(name.lower() == "no_proxy" for name in named):
        return
    lower, upper = environ.get("no_proxy"), environ.get("NO_PROXY")
    for name, own in (("no_proxy", lower or upper), ("NO_PROXY", upper or lower)):
        there = [*_entries(own or "")]
        if there != ["*"]:
            environ[name] = ",".join([*there, *(one for one in LOOPBACK if one not in there)])


def is_loopback(host: str) -> bool:
    """True for localhost and every loopback address, `[::1]` included."""
    if host.lower().rstrip(".").rpartition(".")[2] == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_unreadable(environ: Mapping[str, str] = os.environ) -> None:
    """Raises SettingsError for a proxy, or an exception from one, that no client can read.

    Each of them would raise an error of its own that names no variable. What a proxy's address may
    have in it of a password is not repeated.
    """
    for name, value in sorted(environ.items()):
        if value and name.lower() in _READ and not _is_proxy(value):
            raise SettingsError(
                f"the environment variable {name} is no address of a proxy",
                hint="http://HOST:PORT, https:// or socks5://; or unset it",
            )
    for name in ("NO_PROXY", "no_proxy"):
        for entry in _entries(environ.get(name, "")):
            if not _is_host(entry):
                raise SettingsError(
                    f"the environment variable {name} has {entry!r}, which is no host",
                    hint="names and addresses with commas between them",
                )


def _is_proxy(value: str) -> bool:
    import httpx

    try:
        httpx.Proxy(value if "://" in value else f"http://{value}")
    except (ValueError, httpx.InvalidURL):
        return False
    return True


def _entries(value: str) -> Iterator[str]:
    return (entry for one in value.split(",") if (entry := one.strip()))


def _is_host(entry: str) -> bool:
    import httpx

    try:
        ipaddress.ip_network(entry, strict=False)
    except ValueError:
        try:
            httpx.URL(entry if "://" in entry else f"all://*{entry}")
        except httpx.InvalidURL:
            return False
    return True
