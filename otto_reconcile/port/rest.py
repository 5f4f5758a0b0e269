"""RestPort: a Parlant server over HTTP, or one in this process over ASGI. The loop's door to it.

RestPort.over_http("http://host:8800", headers={"Authorization": "Bearer ..."})
RestPort.over_asgi(app, target="embedded:main")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import Ref, Resource, Snapshot, kinds, make
from otto_reconcile.model.evaluation import (
    Evaluation,
    EvaluationCache,
    EvaluationCheck,
    EvaluationGap,
    Question,
)
from otto_reconcile.planning.plan import Change
from otto_reconcile.port import evaluations
from otto_reconcile.port.adapters import adapter_of
from otto_reconcile.port.adapters.agent import from_wire
from otto_reconcile.port.adapters.canned_response import unbound
from otto_reconcile.port.adapters.journey import unmade
from otto_reconcile.port.adapters.relationship import unrelated
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.base import Evaluator, Health, Observation, Port
from otto_reconcile.port.connecting import TIMEOUT, over_asgi, over_http
from otto_reconcile.port.conversations import Conversation, conversation
from otto_reconcile.port.discovery import Survey, survey
from otto_reconcile.port.errors import Absent
from otto_reconcile.port.host_process import HostProcess, Place
from otto_reconcile.port.reaching import Reaching, reaching
from otto_reconcile.port.reader import Sweep, View, ends_of, is_of_bot
from otto_reconcile.port.session import Wire
from otto_reconcile.runtime import fencing


class RestPort(Port, Evaluator):
    """A Port to one Parlant server. Used from one event loop; calls may run at the same time."""

    def __init__(self, wire: Wire, *, inside: bool = False) -> None:
        self._wire, self._inside = wire, inside
        self._identity = wire.target
        self._sweep: Sweep | None = None

    @classmethod
    def over_http(
        cls,
        url: str,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
        host: HostProcess | None = None,
        evaluations: EvaluationCache | None = None,
    ) -> RestPort:
        """`timeout` is in seconds, for each call. Raises SettingsError for a URL that is none.

        `host` is ELSEWHERE for a look at a Parlant whose own process can do more than this one.
        What is known of `evaluations` goes along with all that is made.
        """
        return cls(over_http(url, headers or {}, timeout, host, evaluations))

    @classmethod
    def over_asgi(
        cls,
        app: Any,
        target: str,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
        host: HostProcess | None = None,
        evaluations: EvaluationCache | None = None,
    ) -> RestPort:
        """`app` is what Parlant's `configure_api` hands out; it need not be serving yet.

        `host` does what only this process can, see `server.sdk_host.host_process`. What is known of
        `evaluations` goes along with all that is made.
        """
        wire = over_asgi(app, target, headers or {}, timeout, host, evaluations)
        return cls(wire, inside=True)

    @property
    def target(self) -> str:
        return self._identity

    @property
    def inside(self) -> bool:
        return self._inside

    def identify(self, target: str) -> None:
        self._identity = target

    async def health(self) -> Health:
        """Raises TargetRefused too for what is no Parlant, or a Parlant of another version."""
        return Health(*await self._wire.versions.health())

    async def has_canary(self, name: str) -> bool:
        found = await self._wire.call(self._wire.parlant.tags.list(name=name))
        alive = any(tag.name == name for tag in found)
        if not alive:
            self._wire.tags.expire()
            self._wire.versions.expire()
        return alive

    async def set_canary(self, name: str) -> None:
        """A new life is begun with it, so that nothing remembered of the last one counts."""
        self._wire.tags.expire()
        self._wire.tools.expire()
        self._wire.evaluation_cache.forget_places()
        await adapter_of("tag").create(self._wire, make("tag", name, "", {}), fresh=True)

    async def marks(self, prefixes: tuple[str, ...]) -> Mapping[str, str]:
        found = await self._wire.call(self._wire.parlant.tags.list())
        return {tag.name: str(tag.id) for tag in found if tag.name.startswith(prefixes)}

    async def put_mark(self, name: str) -> None:
        await self._wire.versions.release()
        await self._wire.call(self._wire.parlant.tags.create(name=name))

    async def move_mark(self, tag_id: str, name: str) -> bool:
        try:
            await self._wire.call(self._wire.parlant.tags.update(addressed(tag_id), name=name))
        except Absent:
            return False
        return True

    async def drop_mark(self, tag_id: str) -> None:
        with suppress(Absent):
            await self._wire.call(self._wire.parlant.tags.delete(addressed(tag_id)))

    async def host_tools(self, url: str | None, names: Collection[str] = ()) -> None:
        """`url` is where this process hosts local tools; Parlant gets to know it when it is asked.

        Called again, it makes known that there may be other tools now, there and elsewhere.
        """
        self._wire.tools.host(url, names)

    async def tool(self, name: str) -> Place | None:
        """Where a tool is; None if it is not there, or its service does not answer."""
        tools = self._wire.tools
        return None if await tools.missing([name]) else await tools.place(name)

    async def list_agents(self) -> Sequence[Resource]:
        await self._wire.versions.release()
        self._refresh_tags()
        agents = await self._wire.call(self._wire.parlant.agents.list())
        return [await from_wire(self._wire, a) for a in sorted(agents, key=lambda a: str(a.id))]

    async def survey(
        self, agents: Collection[str], ends: Collection[str], tools: Collection[str]
    ) -> Survey:
        """What is there beside the parts of single bots; see `port.discovery`."""
        return await survey(self._wire, agents, ends, tools)

    async def reaching(self, among: Collection[Ref] | None = None) -> Sequence[Reaching]:
        """What reaches every agent, though it is no part of a bot. Dear: see `port.reaching`."""
        self._wire.tags.expire()
        return await reaching(self._wire, among)

    async def conversation(self, session: str) -> Conversation:
        """What was said in a session; see `port.conversations`, also for what it raises."""
        return await conversation(self._wire, session)

    @asynccontextmanager
    async def sweep(self) -> AsyncIterator[None]:
        """While it lasts, lists of the whole target are read once and shared by all `observe`s."""
        self._wire.tags.expire()
        self._wire.tools.expire_list()
        self._sweep = Sweep(self._wire)
        try:
            yield
        finally:
            self._sweep = None

    async def observe(
        self, bot_id: str, known: Mapping[Ref, Resource], *, unmanaged: bool = True
    ) -> Observation:
        self._refresh_tags()
        view = View(self._wire, bot_id, self._sweep)
        found: list[Resource] = []
        for kind in kinds():
            of_kind = [known[ref] for ref in sorted(known) if ref.kind == kind.name]
            found.extend(await adapter_of(kind.name).observe(view, of_kind, unmanaged))
        return Observation(Snapshot(found), tuple(view.checks))

    async def observe_parts(
        self, bot_id: str, known: Mapping[Ref, Resource], parts: Collection[Ref]
    ) -> Observation:
        self._refresh_tags()
        view = View(self._wire, bot_id, None, own=ends_of(bot_id, known))
        found: list[Resource] = []
        for kind in kinds():
            if asked := sorted(ref for ref in parts if ref.kind == kind.name):
                wanted = asked if kind.own_id else [r for r in sorted(known) if r.kind == kind.name]
                of_kind = [known.get(ref) or make(*ref, bot_id, {}) for ref in wanted]
                read = await adapter_of(kind.name).observe(view, of_kind, not kind.own_id)
                found.extend(r for r in read if r.ref in known or is_of_bot(r))
        return Observation(Snapshot(found), tuple(view.checks))

    def part_of(self, kind: str, remote_id: str) -> Ref | None:
        journey = self._wire.conditions.get(remote_id) if kind == "guideline" else None
        return Ref("journey", journey) if journey is not None else None

    async def unable(self, resource: Resource) -> str | None:
        if resource.kind == "canned_response" and (why := unbound(self._wire, resource)):
            return why
        if resource.kind == "relationship" and (why := unrelated(self._wire, resource)):
            return why
        if resource.kind == "journey" and (why := await unmade(self._wire, resource)):
            return why
        return (await self._wire.versions.release()).unable(resource)

    async def lacking(self, tools: Collection[str]) -> Mapping[str, str]:
        return await self._wire.tools.lacking(tools)

    def declare(self, services: Collection[str]) -> None:
        self._wire.tools.declared = frozenset(services)

    async def create(
        self, resource: Resource, *, fresh: bool = False, claimed: bool = True
    ) -> Resource:
        fencing.check()  # what is made in Parlant's own process sends no request that would ask
        self._touch(resource)
        if claimed:
            return await adapter_of(resource.kind).create(self._wire, resource, fresh)
        self._wire.unclaimed.add(resource.ref)
        try:
            return await adapter_of(resource.kind).create(self._wire, resource, fresh)
        finally:
            self._wire.unclaimed.discard(resource.ref)

    async def update(
        self, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        fencing.check()  # what is made in Parlant's own process sends no request that would ask
        self._touch(resource)
        return await adapter_of(resource.kind).update(self._wire, resource, changes, observed)

    async def delete(self, observed: Resource) -> None:
        fencing.check()
        self._touch(observed)
        try:
            await adapter_of(observed.kind).delete(self._wire, observed)
        except Absent as error:
            raise TargetRefused(error.message, status=404, hint=error.hint) from error

    async def evaluate(self, question: Question) -> Evaluation:
        return await evaluations.evaluate(self._wire, question)

    async def evaluated(
        self, bot_id: str, resources: Iterable[Resource]
    ) -> Mapping[Question, Evaluation]:
        """What was evaluated of these very texts before and stands there; no model is asked."""
        return await evaluations.evaluated(View(self._wire, bot_id, None), resources)

    async def checked(
        self, bot_id: str, resources: Sequence[Resource]
    ) -> Sequence[EvaluationCheck]:
        return await evaluations.checked(View(self._wire, bot_id, None), resources)

    async def place(self, gap: EvaluationGap) -> None:
        await evaluations.place(self._wire, gap)

    def mark(self, headers: Mapping[str, str]) -> None:
        """These go along with every call from now on."""
        self._wire.http.headers.update(headers)

    async def close(self) -> None:
        if self._wire.host.close is not None:
            await self._wire.host.close()
        await self._wire.http.aclose()

    def _refresh_tags(self) -> None:
        if self._sweep is None:
            self._wire.tags.expire()
            self._wire.tools.expire_list()

    def _touch(self, resource: Resource) -> None:
        if self._sweep is not None:
            self._sweep.touched.add(resource.bot_id)
