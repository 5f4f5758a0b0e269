"""A heartbeat: when a process last wrote, in a form that changes of the clock do not distort.

The time of day may be set at any moment, and the time since boot means nothing after a reboot or on
another machine. So a heartbeat has both, with the identity of the boot that tells which one counts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BEAT = 2.0
"""Seconds between two heartbeats, also if nothing else has changed."""
STALE = 15.0
"""Seconds of silence after which what was written is no longer taken for the present."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def uptime() -> float:
    """Seconds since this machine started, suspension included where the system counts it."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot_id() -> str:
    """Identity of the machine's current boot; empty where the system does not tell it."""
    with suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return ""


def beat() -> dict[str, Any]:
    """The heartbeat of this moment."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"boot": boot_id(), "uptime": round(uptime(), 3), "time": now}


def silence(heartbeat: object) -> float | None:
    """Seconds since this heartbeat; None for what is not one."""
    if not isinstance(heartbeat, Mapping):
        return None
    with suppress(KeyError, TypeError, ValueError):
        if heartbeat["boot"] and heartbeat["boot"] == boot_id():
            elapsed = uptime() - float(heartbeat["uptime"])
            if elapsed > -1.0:  # else it counts from another start: a container may have its own
                return max(0.0, elapsed)
        since = datetime.fromisoformat(heartbeat["time"])
        return abs((datetime.now(UTC) - since).total_seconds())
    return None
