"""StartPort: inside somebody's `async with p.Server()`, makes bots as the program makes its own.

The only module of this package that knows `parlant.sdk`, which the program has imported already.
Parlant judges (evaluates) what the SDK made when the body of the `async with` ends; what came over
REST it takes as it is, with what is known of an earlier judgement. So what is to be judged is made
by the SDK until then, and everything else goes through the RestPort on the server's own app.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from otto_reconcile.errors import OttoError, TargetRefused, TargetUnavailable
from otto_reconcile.plan import Change
from otto_reconcile.port.adapters.base import differences, ensure_kept
from otto_reconcile.port.base import Health
from otto_reconcile.port.rest import RestPort
from otto_reconcile.questions import questions_of
from otto_reconcile.resources import JSON, Ref, Resource, make
from otto_reconcile.server import program
from otto_reconcile.server.canned import CannedMaker
from otto_reconcile.server.journeys import JourneyMaker

if TYPE_CHECKING:
    import parlant.sdk as p
    from fastapi import FastAPI

    Server: TypeAlias = p.Server
    Tool: TypeAlias = p.ToolEntry
else:
    Server: TypeAlias = Any
    Tool: TypeAlias = Any

_JUDGED = frozenset({"guideline", "journey"})
"""Kinds that Parlant judges at the end of the start, and must find then as they were made."""


def app_of(server: Server) -> FastAPI:
    """The server's app, which `server.api` gives only once it serves."""
    from fastapi import FastAPI

    app: FastAPI = server.container[FastAPI]
    return app


def is_starting(server: Server) -> bool:
    """True until the body of `async with server` has ended."""
    try:
        server.api  # noqa: B018
    except RuntimeError:
        return True
    return False


class StartPort:
    """Implements `port.base.Port`. `tools` are the program's own, as `@p.tool` made them.

    With `evaluate` Parlant judges at the end of its start what nobody has judged yet; without, all
    is made over REST, and it asks no model. Journeys with states, which only the SDK can make, it
    judges in any case; if it `waits`, they are not made until that is over, and `waiting` has the
    bots that lack them.
    """

    def __init__(
        self,
        server: Server,
        rest: RestPort,
        *,
        tools: Iterable[Tool] = (),
        evaluate: bool = True,
        waits: bool = False,
    ) -> None:
        self._server, self._rest = server, rest
        self._evaluate, self._waits = evaluate, waits
        rest.host_journeys(JourneyMaker(server))
        rest.host_canned(CannedMaker(server))
        self._tools = tuple(tools)
        self.waiting: set[str] = set()
        self._makers: dict[str, Callable[[Resource], Awaitable[Resource]]] = {
            "agent": self._agent,
            "guideline": self._guideline,
            "journey": self._journey,
            "term": self._term,
        }

    @property
    def target(self) -> str:
        return self._rest.target

    async def health(self) -> Health:
        return await self._rest.health()

    async def has_canary(self, name: str) -> bool:
        return await self._rest.has_canary(name)

    async def set_canary(self, name: str) -> None:
        await self._rest.set_canary(name)

    async def list_agents(self) -> Sequence[Resource]:
        return await self._rest.list_agents()

    async def observe(
        self, bot_id: str, known: Mapping[Ref, Resource], *, unmanaged: bool = True
    ) -> Sequence[Resource]:
        return await self._rest.observe(bot_id, known, unmanaged=unmanaged)

    async def unable(self, resource: Resource) -> str | None:
        if resource.spec.get("composition_mode") == "core_fluid":
            return "Parlant's SDK has no composition mode core_fluid"
        if resource.spec.get("states") and self._waits and is_starting(self._server):
            self.waiting.add(resource.bot_id)
            return f"{resource.ref} is made when the server begins to serve"
        return await self._rest.unable(resource)

    def sweep(self) -> AbstractAsyncContextManager[None]:
        return self._rest.sweep()

    async def close(self) -> None:
        await self._rest.close()

    async def offer_tools(self) -> None:
        """Has Parlant host the program's own tools, so that whatever is made can have them."""
        if not self._tools:
            return
        await self._rest.list_agents()  # where that is refused nothing could be cleared away
        agent, guideline = await program.offer(self._server, self._tools)
        for kind, key in (("guideline", guideline), ("agent", agent)):
            await self._rest.delete(make(kind, key, agent, {}, remote_id=key))

    async def create(self, resource: Resource, *, fresh: bool = False) -> Resource:
        starting, maker = is_starting(self._server), self._makers.get(resource.kind)
        if resource.spec.get("states"):
            maker = None  # the REST port hands it to Parlant's SDK whenever it comes
        if maker is None or not starting or not self._evaluate or self._is_judged(resource):
            return await self._rest.create(resource, fresh=fresh)
        # Journeys always: where one is there, the SDK would leave its conditions to all agents.
        look_first = not fresh or resource.kind == "journey"
        there = await self._existing(resource) if look_first else None
        if there is None:
            try:
                return await maker(resource)
            except OttoError:
                raise
            except Exception as error:
                there = await self._existing(resource)
                if there is None:
                    raise _refusal(resource, error) from error
        return await self._brought(resource, there)

    async def update(
        self, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        self._not_while_judged(resource)
        return await self._rest.update(resource, changes, observed)

    async def delete(self, observed: Resource) -> None:
        self._not_while_judged(observed)
        await self._rest.delete(observed)

    def _is_judged(self, resource: Resource) -> bool:
        """True if all that Parlant would ask a model about it is known."""
        questions, known = questions_of(resource), self._rest.judgements.known
        return bool(questions) and all(question.key in known for question in questions)

    def _not_while_judged(self, resource: Resource) -> None:
        if resource.kind in _JUDGED and is_starting(self._server):
            raise TargetUnavailable(
                f"{resource.ref} is there already, otherwise than it is wanted, and Parlant is "
                "about to judge it: it can be changed once the server serves"
            )

    async def _existing(self, resource: Resource) -> Resource | None:
        known = {resource.ref: resource}
        found = await self._rest.observe(resource.bot_id, known, unmanaged=False)
        return next((one for one in found if one.ref == resource.ref), None)

    async def _brought(self, resource: Resource, there: Resource) -> Resource:
        if not differences(resource, there):
            return there
        self._not_while_judged(resource)
        return await self._rest.create(resource)

    async def _complete(self, wanted: Resource, made: Mapping[str, JSON]) -> Resource:
        """Brings what the SDK made, as it reports it, to what was wanted. Raises NotApplied."""
        found = replace(wanted, spec=dict(made), remote_id=wanted.key)
        if changes := differences(wanted, found):
            return await self._rest.update(wanted, changes, found)
        return ensure_kept(wanted, found)

    async def _agent(self, resource: Resource) -> Resource:
        import parlant.sdk as p

        spec = resource.spec
        made = await self._server.create_agent(
            id=resource.key,
            name=spec["name"],
            description=spec.get("description") or "",
            composition_mode=p.CompositionMode[spec["composition_mode"].upper()],
            output_mode=p.OutputMode(spec.get("message_output_mode") or "block"),
            max_engine_iterations=spec.get("max_engine_iterations"),
        )
        return await self._complete(
            resource,
            {
                "name": made.name,
                "description": made.description or None,
                "composition_mode": made.composition_mode.name.lower(),
                "max_engine_iterations": made.max_engine_iterations,
                "message_output_mode": made.output_mode.value,
                "tags": [],  # the SDK's agents keep none
            },
        )

    async def _guideline(self, resource: Resource) -> Resource:
        import parlant.sdk as p

        spec = resource.spec
        agent = await self._server.get_agent(id=resource.bot_id)
        refs = await self._places(spec.get("tools", ()))
        made = await agent.create_guideline(
            id=p.GuidelineId(resource.key),
            condition=spec["condition"],
            action=spec.get("action") or None,
            description=spec.get("description") or None,
            criticality=p.Criticality(spec.get("criticality") or "medium"),
            composition_mode=_mode(p, spec),
            metadata=dict(spec.get("metadata", {})),
            tags=await self._tags(spec),
            tools=list(refs.values()),
            track=spec.get("track", True),
            labels=spec.get("labels", ()),
            priority=spec.get("priority", 0),
        )
        own = ("description", "criticality", "composition_mode", "tags", "track")
        return await self._complete(
            resource,
            {
                **{name: spec[name] for name in own if name in spec},  # not reported
                "condition": made.condition,
                "action": made.action,
                "labels": sorted(made.labels),
                "priority": made.priority,
                "metadata": dict(made.metadata),
                "enabled": True,  # the SDK makes no others
                "tools": sorted(refs),
            },
        )

    async def _journey(self, resource: Resource) -> Resource:
        import parlant.sdk as p

        spec = resource.spec
        agent = await self._server.get_agent(id=resource.bot_id)
        made = await agent.create_journey(
            id=p.JourneyId(resource.key),
            title=spec["title"],
            description=spec.get("description", ""),
            conditions=list(spec.get("conditions", ())),
            composition_mode=_mode(p, spec),
            tags=await self._tags(spec),
            labels=spec.get("labels", ()),
            priority=spec.get("priority", 0),
        )
        found = {
            **spec,
            "title": made.title,
            "conditions": sorted(one.condition for one in made.conditions),
            "labels": sorted(made.labels),
            "priority": made.priority,
        }
        return ensure_kept(resource, replace(resource, spec=found, remote_id=resource.key))

    async def _term(self, resource: Resource) -> Resource:
        import parlant.sdk as p

        spec = resource.spec
        agent = await self._server.get_agent(id=resource.bot_id)
        made = await agent.create_term(
            id=p.TermId(resource.key),
            name=spec["name"],
            description=spec["description"],
            synonyms=list(spec.get("synonyms", ())),
        )
        found = {
            "name": made.name,
            "description": made.description,
            "synonyms": sorted(made.synonyms),
            "tags": [],  # the SDK's terms have none of their own
        }
        return await self._complete(resource, found)

    async def _tags(self, spec: Mapping[str, JSON]) -> list[p.Tag]:
        return [await self._server.get_tag(name=name) for name in spec.get("tags", ())]

    async def _places(self, names: Iterable[str]) -> dict[str, p.ToolRef]:
        """What the SDK takes for those that are there; of others REST will say so."""
        import parlant.sdk as p

        found = {name: await self._rest.tool(name) for name in names}
        return {name: p.ToolId(*place) for name, place in found.items() if place is not None}


def _refusal(resource: Resource, error: Exception) -> TargetRefused:
    said = " ".join(str(error).split())[:300] or type(error).__name__
    return TargetRefused(f"Parlant's SDK refused {resource.ref}: {said}", status=422)


def _mode(p: Any, spec: Mapping[str, JSON]) -> Any:
    mode = spec.get("composition_mode")
    return None if mode is None else p.CompositionMode[mode.upper()]
