"""Maker: makes parts of bots with `parlant.sdk`, as a program makes its own.

The only module of this package that knows the SDK, which the program has imported already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from otto_reconcile.model import JSON, Resource
from otto_reconcile.planning.compare import differences
from otto_reconcile.port.adapters.base import ensure_kept
from otto_reconcile.port.rest import RestPort

if TYPE_CHECKING:
    import parlant.sdk as p
    from fastapi import FastAPI

    Server: TypeAlias = p.Server
    Tool: TypeAlias = p.ToolEntry
else:
    Server: TypeAlias = Any
    Tool: TypeAlias = Any


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


class Maker:
    """Where the SDK cannot say all that was wanted, what it made is brought to that over REST."""

    def __init__(self, server: Server, rest: RestPort) -> None:
        self._server, self._rest = server, rest
        self._makers: dict[str, Callable[[Resource], Awaitable[Resource]]] = {
            "agent": self._agent,
            "guideline": self._guideline,
            "journey": self._journey,
            "term": self._term,
        }

    def of(self, kind: str) -> Callable[[Resource], Awaitable[Resource]] | None:
        """Makes one of that kind, and raises whatever the SDK does; None if it is not asked."""
        return self._makers.get(kind)

    async def _complete(self, wanted: Resource, made: Mapping[str, JSON]) -> Resource:
        """Brings what the SDK made, as it reports it, to what was wanted. Raises NotApplied."""
        found = replace(wanted, spec=dict(made), remote_id=wanted.key)
        if changes := [*differences(wanted, found)]:
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


def _mode(p: Any, spec: Mapping[str, JSON]) -> Any:
    mode = spec.get("composition_mode")
    return None if mode is None else p.CompositionMode[mode.upper()]
