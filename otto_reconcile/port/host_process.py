"""What only the process that hosts Parlant can do, as `port` asks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import JSON, Resource

RUN_HEADER = "x-otto-run"
"""By its value that process knows our calls of Parlant: they wait for nothing, and are no news."""
OR_BRIDGE = "or put otto_reconcile.bridge into the program that does (docs/bridge.md)"


class MakeCanned(Protocol):
    """Makes a canned response with any tags, in Parlant's own process; gives its id."""

    async def __call__(
        self,
        *,
        value: str,
        tags: Sequence[str],
        signals: Sequence[str],
        metadata: Mapping[str, Any],
        field_dependencies: Sequence[str],
    ) -> str: ...


class MakeJourney(Protocol):
    """Makes a journey with its states, in Parlant's own process; their ids are their `identity`.

    `places` has the tools by their names in the states. `metadata` is for states by their identity,
    each key over what is declared, `journey_node` key by key: the way for evaluations. Parlant
    gives forks ids of its own, and takes no metadata for them, but for a first one: that is the
    journey's initial state.
    """

    async def __call__(
        self,
        journey: Resource,
        places: Mapping[str, Place],
        metadata: Mapping[str, Mapping[str, Any]],
    ) -> None: ...


class End(NamedTuple):
    """An end of a relationship, by Parlant's word for its kind and its id there."""

    kind: str  # guideline, tag_all, tag_any, tool
    id: str


class Relations(Protocol):
    """What Parlant's API can neither make nor show: in its own process only."""

    async def make(self, kind: str, source: End, target: End, group: str | None) -> str:
        """Gives its id. One with the same kind and ends is replaced."""

    async def delete(self, key: str) -> None: ...

    async def special(self) -> bool:
        """True if there is one that keeps Parlant's API from showing all of them."""

    async def all(self) -> Sequence[Any]:
        """All relationships in the form of Parlant's client, each with its `group`."""


async def _refuse(*_: Any, **__: Any) -> Any:
    raise TargetRefused("only the process that hosts this Parlant can do that", status=422)


class NoRelations:
    """For a look from elsewhere at a Parlant whose own process has them."""

    make = delete = staticmethod(_refuse)

    async def special(self) -> bool:
        return False

    async def all(self) -> Sequence[Any]:
        return ()


class Recalled(NamedTuple):
    """How a journey was made: its states, and the relationships that Parlant made of them."""

    states: Sequence[JSON]
    relationships: Sequence[str]


@dataclass(frozen=True, slots=True)
class HostProcess:
    """What is None cannot be done: Parlant is in another process.

    `recall` gives the states with which a journey was made in this life of Parlant and the ids of
    what Parlant bound to them, where another process remembers that. `beside` is False where
    Parlant reaches what this process does not. `close` ends the connection that all of it needs.
    `headers` are to go with each call of Parlant itself.
    """

    canned: MakeCanned | None = None
    journey: MakeJourney | None = None
    relations: Relations | None = None
    recall: Callable[[str], Awaitable[Recalled | None]] | None = None
    beside: bool = True
    close: Callable[[], Awaitable[None]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


ELSEWHERE = HostProcess(_refuse, _refuse, NoRelations())
"""For a look from elsewhere at a Parlant whose own process can do all of it."""


class Place(NamedTuple):
    """A tool as Parlant names it."""

    service: str
    tool: str

    def to_wire(self) -> dict[str, str]:
        return {"service_name": self.service, "tool_name": self.tool}
