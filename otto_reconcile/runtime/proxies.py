"""A proxy in the environment is for the outside world: nothing on this machine goes through it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import MutableMapping

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def keep_loopback_direct(environ: MutableMapping[str, str] = os.environ) -> None:
    """Adds loopback to NO_PROXY, which all clients heed: ours and those inside Parlant.

    What the person has in it stays. Without a proxy nothing is changed.
    """
    named = [name for name in environ if name.lower().endswith("_proxy") and environ[name]]
    if all(name.lower() == "no_proxy" for name in named):
        return
    lower, upper = environ.get("no_proxy"), environ.get("NO_PROXY")
    for name, own in (("no_proxy", lower or upper), ("NO_PROXY", upper or lower)):
        there = [one.strip() for one in (own or "").split(",") if one.strip()]
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
