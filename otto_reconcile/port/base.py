"""What the layers above know of Parlant: this protocol, in this project's vocabulary.

Everything that is Parlant's own (wire names of modes, tag ids, condition guidelines of journeys,
calls that are not atomic or not idempotent) stays below it. Every method raises TargetUnavailable
(cannot be reached, time-out, 429, 5xx) or TargetRefused (4xx), and nothing else but what is named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from otto_reconcile.model import Ref, Resource, Snapshot
from otto_reconcile.model.evaluation import (
    Evaluation,
    EvaluationCheck,
    EvaluationGap,
    Question,
)
from otto_reconcile.planning.plan import Change

if TYPE_CHECKING:
    from otto_reconcile.port.reaching import Reaching


@dataclass(frozen=True, slots=True)
class Health:
    """What the target says of itself. `latency` is its event loop's lag in seconds, about.

    `note` says what had to be assumed of it, if anything had.
    """

    version: str | None
    latency: float
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a target has of a bot, and what was seen on the way of evaluations that are known."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    checks: tuple[EvaluationCheck, ...] = ()


class Port(Protocol):
    """One Parlant server, embedded (ASGI) or elsewhere (HTTP)."""

    @property
    def target(self) -> str:
        """Stable identity of the target: `embedded:<instance>`, or the URL without credentials.

        A server that is known by another URL already keeps the identity that it has: `identify`.
        """
        ...

    @property
    def inside(self) -> bool:
        """True for a server in this very process: what it has lived through, we have."""
        ...

    def identify(self, target: str) -> None:
        """From now on this is the identity of the target."""
        ...

    async def health(self) -> Health:
        """Whether it answers, and its release. Raises TargetRefused for what is no Parlant."""
        ...

    async def has_canary(self, name: str) -> bool:
        """True if the tag of this name is there: the target's life has not ended since."""
        ...

    async def set_canary(self, name: str) -> None:
        """Makes the tag of this name: with it a life of the target begins."""
        ...

    async def marks(self, prefixes: tuple[str, ...]) -> Mapping[str, str]:
        """The tags whose names begin so: their ids by name."""
        ...

    async def put_mark(self, name: str) -> None:
        """Makes a tag. Raises TargetRefused too for a Parlant that is not supported."""
        ...

    async def move_mark(self, tag_id: str, name: str) -> bool:
        """Gives a tag another name; False if it is gone."""
        ...

    async def drop_mark(self, tag_id: str) -> None:
        """Deletes a tag; that it is already gone is a success."""
        ...

    async def list_agents(self) -> Sequence[Resource]:
        """All agents, in one cheap call; each with its own id as `bot_id`.

        Raises TargetRefused too for a Parlant of a release that is not supported.
        """
        ...

    async def observe(
        self, bot_id: str, known: Mapping[Ref, Resource], *, unmanaged: bool = True
    ) -> Observation:
        """What the target has of a bot: the `known` Refs that exist, each with all its fields.

        `known` maps every Ref of interest (desired or applied) to what is declared of it, so that
        costly parts (tool associations) are read only where they are declared. With `unmanaged`,
        also all else that carries the bot's tag.
        """
        ...

    async def observe_parts(
        self, bot_id: str, known: Mapping[Ref, Resource], parts: Collection[Ref]
    ) -> Observation:
        """The same of these parts alone, and cheap: those of kinds with an id of ours by that id.

        Of another kind all that the bot has is read, whichever part is asked for.
        """
        ...

    def part_of(self, kind: str, remote_id: str) -> Ref | None:
        """Of what part of a bot something is that the target itself made, if that was seen."""
        ...

    async def reaching(self, among: Collection[Ref] | None = None) -> Sequence[Reaching]:
        """What reaches every agent, though it is no part of a bot; each tells itself as a text.

        Dear: everything is listed for it, unless only what is `among` these is asked for.
        """
        ...

    def sweep(self) -> AbstractAsyncContextManager[None]:
        """While it lasts, lists of the whole target are read once and shared by all `observe`s.

        For looking at many bots in a row. What is written meanwhile through this port is seen,
        what others write may not be.
        """
        ...

    async def unable(self, resource: Resource) -> str | None:
        """Why the target cannot hold this as it is wanted, before anything is tried; else None."""
        ...

    async def lacking(self, tools: Collection[str]) -> Mapping[str, str]:
        """Those of these tools that are not there now, each with a text that names it."""
        ...

    def declare(self, services: Collection[str]) -> None:
        """Tool services that are wanted: of a tool of another one they may be what was meant."""
        ...

    async def create(
        self, resource: Resource, *, fresh: bool = False, claimed: bool = True
    ) -> Resource:
        """Creates it and gives it back as the target now reports it, with its remote id.

        If it exists already (an earlier try whose answer was lost), it is brought to `resource`.
        `fresh`: the target is known not to have it (a new life of it just began, or it was
        deleted just now); that saves the look that would make sure. Unless it is `claimed`, no
        earlier try can have made it: what is there and differs is then left as it is (NotOurs).
        Raises NotApplied.
        """
        ...

    async def update(
        self, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        """Changes those fields of `observed`, and gives back what the target now reports.

        Raises NotApplied.
        """
        ...

    async def delete(self, observed: Resource) -> None:
        """Deletes it; that it is already gone is a success."""
        ...

    async def close(self) -> None:
        """Ends the connection; nothing may be asked afterwards."""
        ...


class Evaluator(Protocol):
    """A Port that can have the texts of bots evaluated by Parlant's model."""

    @property
    def target(self) -> str: ...

    async def health(self) -> Health: ...

    async def evaluate(self, question: Question) -> Evaluation:
        """Asks the model, which takes seconds and costs. TemporaryError: no usable answer."""
        ...

    async def checked(
        self, bot_id: str, resources: Sequence[Resource]
    ) -> Sequence[EvaluationCheck]:
        """What is known of these beside what the target has, where they are as desired.

        Of the states of a journey nobody can see it, and it comes only when they are made.
        """
        ...

    async def place(self, gap: EvaluationGap) -> None:
        """Closes the gap. Raises NotApplied."""
        ...
