"""The releases of Parlant that the port works with, and what each cannot do: known here alone.

The adapters ask `wire.versions`; `server` asks whether the installed release can be hosted. A new
release is a line in `RELEASES`, once `make compat` passes on it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otto_reconcile.errors import SettingsError, TargetRefused
from otto_reconcile.port.translate import Failed
from otto_reconcile.resources import Resource, get_kind

if TYPE_CHECKING:
    from otto_reconcile.port.wire import Wire


@dataclass(frozen=True, slots=True)
class Release:
    """`lacks` are the fields, as (kind, field), that it ignores in silence.

    `hosted`: `run` and the library can host it. `names_once`: it refuses a second tag of a name.
    `refuses_rings`: it refuses a relationship that closes a ring. `tells_lag`: its health has the
    lag of its event loop.
    """

    name: str
    lacks: frozenset[tuple[str, str]] = frozenset()
    hosted: bool = True
    names_once: bool = True
    refuses_rings: bool = True
    tells_lag: bool = True

    def unable(self, resource: Resource) -> str | None:
        """Why it cannot hold this as it is wanted; a field at its default it holds by chance."""
        kind = get_kind(resource.kind)
        missing = sorted(
            name
            for name, value in resource.spec.items()
            if (kind.name, name) in self.lacks and value != kind.field(name).default
        )
        return f"Parlant {self.name} has no {missing[0]} of a {kind.name}" if missing else None


RELEASES = (
    Release(
        "3.2",
        lacks=frozenset({("guideline", "priority"), ("journey", "priority")}),
        hosted=False,
        names_once=False,
        refuses_rings=False,
        tells_lag=False,
    ),
    Release("3.3"),
)
NEWEST = RELEASES[-1]
_TITLE = "Parlant"


def supported(*, hosted: bool = False) -> str:
    """The releases in words: `3.2 or 3.3`; with `hosted` those alone that can be hosted."""
    return " or ".join(r.name for r in RELEASES if r.hosted or not hosted)


def release_of(version: str) -> Release | None:
    """The release of a version such as `3.3.2`; None for one that is not supported."""
    return next((r for r in RELEASES if f"{version}.".startswith(f"{r.name}.")), None)


def refuse_to_host(version: str) -> None:
    """Raises SettingsError for an installed Parlant that cannot be hosted in this process."""
    release = release_of(version)
    if release is None or not release.hosted:
        wanted = supported(hosted=True)
        raise SettingsError(
            f"Parlant {version} is installed here, and this version hosts Parlant {wanted} only",
            hint=f"pip install 'parlant=={wanted}.*'; a server that runs elsewhere, with"
            f" --parlant-url, may be Parlant {supported()}",
        )


class Versions:
    """What a target says of its version: read when first asked for, once to a life of it."""

    def __init__(self, wire: Wire, version: str | None = None) -> None:
        self._wire = wire
        self._told = version
        self._known: tuple[str | None, Release] | None = None

    def expire(self) -> None:
        """A new life may be another version."""
        self._known = None

    async def release(self) -> Release:
        """Raises TargetRefused for what is no Parlant, or one of a release that is not known."""
        return (await self._read())[1]

    async def health(self) -> tuple[str | None, float]:
        """Version, None if it is kept to itself, and lag in seconds. Raises as `release`."""
        started = time.perf_counter()
        answer = await self._wire.get("/healthz")
        taken = time.perf_counter() - started
        lag = _lag(answer)
        version, release = await self._read()
        if lag is None and (version is None or release.tells_lag):
            raise TargetRefused(
                f"the server at {self._wire.target} is no Parlant: /healthz has no event loop",
                status=200,
                hint="a Parlant 3.2 is known by its /openapi.json alone: let it show that",
            )
        return version, taken if lag is None else lag

    async def _read(self) -> tuple[str | None, Release]:
        if self._known is None:
            version = self._told or await self._asked()
            release = NEWEST if version is None else release_of(version)
            if release is None:
                raise TargetRefused(
                    f"the server at {self._wire.target} is Parlant {version}, "
                    f"and this version works with Parlant {supported()} only",
                    status=200,
                )
            self._known = version, release
        return self._known

    async def _asked(self) -> str | None:
        """None from a server that does not say, or that somebody gave a name of its own."""
        try:
            description = await self._wire.get("/openapi.json")
            told = description["info"]
            return str(told["version"]) if _TITLE in told["title"] else None
        except (TargetRefused, Failed, KeyError, TypeError):
            return None


def _lag(answer: Any) -> float | None:
    try:
        return float(answer["checks"]["event_loop"]["latency_ms"] or 0) / 1000
    except (KeyError, TypeError, ValueError):
        return None
