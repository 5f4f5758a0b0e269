"""The releases of Parlant that the port works with, and what each cannot do: known here alone.

What a target can do is read from its OpenAPI description (`capabilities`), whatever version it says
it is; the line of its release adds what no description tells, and stands in where none is shown.
One in this process, of a version that was verified, is not asked for its description: to make that
takes it most of a second, in which it serves nobody.
The adapters ask `wire.versions`; `server` asks whether the installed release can be hosted. A new
release is a line in `RELEASES`, once `make compat` passes on it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from otto_reconcile.errors import SettingsError, TargetRefused
from otto_reconcile.model import Resource, get_kind
from otto_reconcile.port import capabilities
from otto_reconcile.port.capabilities import CONDITIONS, Capabilities, UnknownForm
from otto_reconcile.port.connection import Connection
from otto_reconcile.port.errors import Failed


@dataclass(frozen=True, slots=True)
class Release:
    """`lacks` are the fields, as (kind, field), that it ignores in silence.

    `hosted`: `run` and the library can host it. `names_once`: it refuses a second tag of a name.
    `refuses_rings`: it refuses a relationship that closes a ring. `tells_lag`: its health has the
    lag of its event loop. `verified` are the versions on which `make compat` has passed, with
    `can` as what they tell of themselves.
    """

    name: str
    lacks: frozenset[tuple[str, str]] = frozenset()
    verified: frozenset[str] = frozenset()
    hosted: bool = True
    names_once: bool = True
    refuses_rings: bool = True
    tells_lag: bool = True

    @property
    def can(self) -> Capabilities:
        """What the description of a verified version says."""
        return Capabilities((CONDITIONS,), self.lacks)

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
    Release("3.3", verified=frozenset({"3.3.2"})),
)
NEWEST = RELEASES[-1]
_TITLE = "Parlant"
Describe: TypeAlias = Callable[[], Mapping[str, Any]]


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


@dataclass(frozen=True, slots=True)
class Known:
    """What one life of a target is: `note` says what had to be assumed of it, if anything had."""

    version: str | None
    release: Release
    capabilities: Capabilities
    note: str | None = None


class Versions:
    """What a target says of itself: read when first asked for, once to a life of it.

    `version` and `describe` are for a Parlant in this process, which need not be asked over HTTP.
    """

    def __init__(
        self, connection: Connection, version: str | None = None, describe: Describe | None = None
    ) -> None:
        self._connection = connection
        self._told, self._describe = version, describe
        self._known: Known | None = None

    def expire(self) -> None:
        """A new life may be another version."""
        self._known = None

    async def release(self) -> Release:
        """Raises TargetRefused for what is no Parlant, or one whose API is not known."""
        return (await self._read()).release

    async def capabilities(self) -> Capabilities:
        """Raises as `release`."""
        return (await self._read()).capabilities

    async def health(self) -> tuple[str | None, float, str | None]:
        """Version (None if it is kept to itself), lag in seconds, note. Raises as `release`."""
        started = time.perf_counter()
        answer = await self._connection.get("/healthz")
        taken = time.perf_counter() - started
        lag = _lag(answer)
        known = await self._read()
        if lag is None and (known.version is None or known.release.tells_lag):
            raise TargetRefused(
                f"the server at {self._connection.target} is no Parlant: /healthz has no event"
                " loop",
                status=200,
                hint="a Parlant 3.2 is known by its /openapi.json alone: let it show that",
            )
        return known.version, taken if lag is None else lag, known.note

    async def _read(self) -> Known:
        if self._known is None:
            self._known = self._verified()
        if self._known is None:
            description = await self._described()
            version = self._told or _version_in(description)
            try:
                can = capabilities.read(description)
            except UnknownForm as error:
                called = f" (Parlant {version})" if version else ""
                raise TargetRefused(
                    f"the API of the server at {self._connection.target}{called} has a form that"
                    f" this version does not know: {error}",
                    status=200,
                    hint="nothing was changed there; see docs/compatibility.md",
                ) from error
            self._known = self._classified(version, can)
        return self._known

    def _verified(self) -> Known | None:
        """What a Parlant in this process is, if it need not say so itself."""
        release = release_of(self._told) if self._told is not None else None
        if release is None or self._told not in release.verified or self._describe is None:
            return None
        return Known(self._told, release, release.can)

    def _classified(self, version: str | None, can: Capabilities | None) -> Known:
        release = NEWEST if version is None else release_of(version)
        if release is None and version is not None and can is not None and _is_newer(version):
            release = replace(NEWEST, name=".".join(version.split(".")[:2]))
        if release is None:
            raise TargetRefused(
                f"the server at {self._connection.target} is Parlant {version}, "
                f"and this version works with Parlant {supported()} only",
                status=200,
            )
        if can is not None:
            return Known(version, replace(release, lacks=can.lacks), can)
        note = f"it does not show its /openapi.json: taken for a Parlant {release.name}"
        return Known(version, release, Capabilities(), note)

    async def _described(self) -> Mapping[str, Any]:
        """Nothing from a server that hides its description, as one in production does.

        That of a Parlant in this process is made in a thread: its event loop goes on meanwhile.
        """
        try:
            if self._describe is not None:
                return await asyncio.to_thread(self._describe)
            found = await self._connection.get("/openapi.json")
        except (TargetRefused, Failed):
            return {}
        return found if isinstance(found, dict) else {}


def _version_in(description: Mapping[str, Any]) -> str | None:
    """None from a server that does not say, or that somebody gave a name of its own."""
    try:
        told = description["info"]
        return str(told["version"]) if _TITLE in told["title"] else None
    except (KeyError, TypeError):
        return None


def _is_newer(version: str) -> bool:
    """True for a release after those that are known: what its API cannot do, the API says.

    How an older one behaves, it does not.
    """
    return _number(version) > _number(NEWEST.name)


def _number(version: str) -> list[int]:
    parts = version.split(".")[:2]
    return [int(part) if part.isdecimal() else -1 for part in parts]


def _lag(answer: Any) -> float | None:
    try:
        return float(answer["checks"]["event_loop"]["latency_ms"] or 0) / 1000
    except (KeyError, TypeError, ValueError):
        return None
