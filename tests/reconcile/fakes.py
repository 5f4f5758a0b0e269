"""A target in memory, for the logic of the loop alone: it keeps what it is given, and can fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from otto_reconcile.desired import Source
from otto_reconcile.errors import NotOurs, TargetUnavailable
from otto_reconcile.loop import Loop
from otto_reconcile.model import Bot, Guideline, Ref, Resource, Snapshot, get_kind
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.base import Health, Observation
from otto_reconcile.port.reaching import Reaching
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_changes import Touched
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.store.memory import MemoryStore


class FakePort:
    """`before_call` runs before every change and may raise; `gone` makes all calls fail."""

    inside = False

    def __init__(self) -> None:
        self.target = "fake"
        self.held: dict[Ref, Resource] = {}
        self.reached: list[Reaching] = []
        self.canaries: set[str] = set()
        self.tag_ids: dict[str, str] = {}  # of those that were given another name
        self.gone = False
        self.lacks: dict[str, str] = {}
        self.asked = 0
        self.glances: list[tuple[str, frozenset[Ref]]] = []
        self.before_call: Callable[[], None] = lambda: None

    def identify(self, target: str) -> None:
        self.target = target

    def _call(self) -> None:
        if self.gone:
            raise TargetUnavailable("nobody answers")

    def restart(self) -> None:
        self.held.clear()
        self.canaries.clear()

    async def health(self) -> Health:
        self._call()
        return Health("3.3.2", 0.0)

    async def has_canary(self, name: str) -> bool:
        self._call()
        return name in self.canaries

    async def set_canary(self, name: str) -> None:
        self._call()
        self.canaries.add(name)

    async def marks(self, prefixes: tuple[str, ...]) -> Mapping[str, str]:
        self._call()
        return {n: self.tag_ids.get(n, n) for n in self.canaries if n.startswith(prefixes)}

    def _tag(self, tag_id: str) -> str | None:
        return next((n for n in self.canaries if self.tag_ids.get(n, n) == tag_id), None)

    async def put_mark(self, name: str) -> None:
        await self.set_canary(name)

    async def move_mark(self, tag_id: str, name: str) -> bool:
        self._call()
        if (before := self._tag(tag_id)) is None:
            return False
        self.canaries.discard(before)
        self.canaries.add(name)
        self.tag_ids[name] = tag_id
        return True

    async def drop_mark(self, tag_id: str) -> None:
        self._call()
        self.canaries.discard(self._tag(tag_id) or "")

    async def list_agents(self) -> Sequence[Resource]:
        self._call()
        return [r for r in self.held.values() if r.kind == "agent"]

    async def reaching(self, among: Collection[Ref] | None = None) -> Sequence[Reaching]:
        self._call()
        return [one for one in self.reached if among is None or one.ref in among]

    async def observe_parts(
        self, bot_id: str, known: Mapping[Ref, Resource], parts: Collection[Ref]
    ) -> Observation:
        self._call()
        self.glances.append((bot_id, frozenset(parts)))
        kinds = {ref.kind for ref in parts if not get_kind(ref.kind).own_id}
        found = [
            r
            for ref, r in self.held.items()
            if ref in parts or (ref.kind in kinds and (ref in known or r.bot_id == bot_id))
        ]
        return Observation(Snapshot(found))

    def part_of(self, kind: str, remote_id: str) -> Ref | None:
        return None

    @asynccontextmanager
    async def sweep(self) -> AsyncIterator[None]:
        yield

    async def observe(
        self, bot_id: str, known: Mapping[Ref, Resource], *, unmanaged: bool = True
    ) -> Observation:
        self._call()
        found = [r for ref, r in self.held.items() if ref in known or r.bot_id == bot_id]
        return Observation(Snapshot(found))

    async def unable(self, resource: Resource) -> str | None:
        return None

    async def lacking(self, tools: Collection[str]) -> Mapping[str, str]:
        self._call()
        self.asked += 1
        return {tool: self.lacks[tool] for tool in tools if tool in self.lacks}

    def declare(self, services: Collection[str]) -> None:
        self.declared = frozenset(services)

    async def create(
        self, resource: Resource, *, fresh: bool = False, claimed: bool = True
    ) -> Resource:
        self.before_call()
        self._call()
        there = self.held[resource.ref].spec if resource.ref in self.held else resource.spec
        if not claimed and any(there.get(name) != value for name, value in resource.spec.items()):
            raise NotOurs(f"{resource.ref} is on the server already")
        defaults = {field.name: field.default for field in get_kind(resource.kind).fields}
        self.held[resource.ref] = replace(resource, spec={**defaults, **resource.spec})
        return self.held[resource.ref]

    async def update(
        self, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        self.before_call()
        self._call()
        values = {change.field: change.after for change in changes}
        self.held[resource.ref] = replace(observed, spec={**observed.spec, **values})
        return self.held[resource.ref]

    async def delete(self, observed: Resource) -> None:
        self.before_call()
        self._call()
        self.held.pop(observed.ref, None)
        self.reached = [one for one in self.reached if one.ref != observed.ref]

    async def close(self) -> None:
        """Nothing is open."""


class Silent:
    def debug(self, event: str, /, **fields: Any) -> None: ...
    def info(self, event: str, /, **fields: Any) -> None: ...
    def warning(self, event: str, /, **fields: Any) -> None: ...


class Heard(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, /, **fields: Any) -> None:
        self.warnings.append((event, fields))


class FastClock(SystemClock):
    """Time that runs `speed` times as fast for all that waits; it can be moved ahead by hand."""

    def __init__(self, speed: float = 10.0) -> None:
        self.speed, self.ahead = speed, 0.0

    def monotonic(self) -> float:
        return super().monotonic() * self.speed + self.ahead

    async def wait(self, event: asyncio.Event, timeout: float) -> bool:
        return await super().wait(event, timeout / self.speed)


_OF_SESSION = ("predecessors", "take_over", "selector", "outage", "admission", "last_used")


class Setting:
    """A loop over a memory store and a fake target."""

    def __init__(self, speed: float = 10.0, **options: Any) -> None:
        self.port, self.clock = FakePort(), FastClock(speed)
        self.stores = Stores.over(MemoryStore())
        self.heard = Heard()
        self.reporter = Reporter(StatusBoard(None), self.clock, self.heard)
        self.options = options
        self.loop = self.another()

    def another(self, holder: str = "tests") -> Loop:
        """Another process, as it were, on the same store and target."""
        options = dict(self.options)
        of_session = {k: options.pop(k) for k in _OF_SESSION if k in options}
        session = TargetSession(
            self.port, self.stores, self.reporter, self.clock, holder=holder, **of_session
        )
        return Loop(session, **options)

    def want(self, *bots: Bot) -> None:
        source = Source(kind="cli")
        self.stores.desired.put_many([(bot, source) for bot in bots], actor="tests")

    def stir(self, bot_id: str | None, kind: str = "guideline", key: str = "") -> None:
        """Somebody changed something on the target: of this bot, or of nobody knows whom."""
        self.loop._noticing.noticed(Touched(kind, key, bot_id))

    def agents(self) -> set[str]:
        return {ref.key for ref in self.port.held if ref.kind == "agent"}


def bot(bot_id: str, **values: Any) -> Bot:
    guideline = Guideline(id=f"{bot_id}.greet", condition="Somebody says hello")
    return Bot(id=bot_id, name=bot_id.title(), **{"guidelines": [guideline], **values})
