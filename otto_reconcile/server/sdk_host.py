"""A Parlant server in this process: what only its own process can do, its tools, its models.

Imports Parlant. `daemon` and `persistence` call it; the latter in the body of a program's own
`async with p.Server()`.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, get_origin

from otto_reconcile.errors import SettingsError
from otto_reconcile.port.host_process import HostProcess
from otto_reconcile.server.metering import Meter
from otto_reconcile.server.sdk_canned import CannedMaker
from otto_reconcile.server.sdk_journeys import JourneyMaker
from otto_reconcile.server.sdk_relationships import Relating

if TYPE_CHECKING:
    import parlant.sdk as p

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


def host_process(server: p.Server) -> HostProcess:
    """What only this process can do on its server, for a port that is made on it."""
    return HostProcess(CannedMaker(server), JourneyMaker(server), Relating(server))


def current_server() -> p.Server:
    """The server that is being entered, as its `configure_api` may ask. Raises SettingsError."""
    import parlant.sdk as p

    try:
        return p.Server.current
    except RuntimeError as error:
        raise SettingsError(
            "bridge() works in the `configure_api` of a parlant.sdk.Server that is being entered",
            hint="async with p.Server(configure_api=bridge(token=...)) as server",
        ) from error


async def agents_of(server: p.Server) -> list[str]:
    """The ids of its agents, as its store has them.

    Not by its API, which a policy may close, nor by `list_agents`, which fails for fluid agents.
    """
    from parlant.core.agents import AgentStore

    store = server.container[AgentStore]  # type: ignore[type-abstract]
    return [str(agent.id) for agent in await store.list_agents()]


async def birth_of(server: p.Server, key: str) -> str | None:
    """When the journey that has this id now was made, whoever made it; None if there is none."""
    from parlant.core.common import ItemNotFoundError
    from parlant.core.journeys import JourneyId, JourneyStore

    try:
        store = server.container[JourneyStore]  # type: ignore[type-abstract]
        return (await store.read_journey(JourneyId(key))).creation_utc.isoformat()
    except ItemNotFoundError:
        return None


async def agent_of_session(server: p.Server, session_id: str) -> str | None:
    """The agent of a conversation; None if that is not known, which Parlant answers for itself."""
    from parlant.core.sessions import SessionId, SessionStore

    try:
        store = server.container[SessionStore]  # type: ignore[type-abstract]
        return str((await store.read_session(SessionId(session_id))).agent_id)
    except Exception:  # whatever somebody's own store fails with
        return None


async def bound_to(server: p.Server, ends: Collection[str]) -> list[str]:
    """The ids of the relationships that have one of these ends."""
    from parlant.core.relationships import RelationshipStore

    store = server.container[RelationshipStore]  # type: ignore[type-abstract]
    listed = await store.list_relationships(indirect=False)
    return [str(o.id) for o in listed if {str(o.source.id), str(o.target.id)} & {*ends}]


@dataclass(frozen=True)
class Uncounted:
    """`reconcile.evaluation.evaluator.Metered` of a model whose calls nobody counts."""

    model: str
    evaluation: None = None


def models_of(server: p.Server) -> Uncounted:
    """The models that evaluate there, named as `run` names them: the answers are the same."""
    from parlant.sdk import SchematicGenerator

    meter = Meter()
    for known in server.container.defined_types:
        if get_origin(known) is SchematicGenerator:
            meter.met(get_args(known)[0], server.container[known].id)
    return Uncounted(meter.model)


async def offer(server: p.Server, tools: Sequence[p.ToolEntry]) -> tuple[str, str]:
    """Has Parlant host the tools. Gives the ids of an agent and its guideline, to be deleted.

    The SDK knows a tool once something that it makes has it; a matcher of its own saves that from
    being evaluated.
    """
    import parlant.sdk as p

    async def never(context: Any, guideline: p.Guideline) -> p.GuidelineMatch:
        return p.GuidelineMatch(id=guideline.id, matched=False, rationale="")

    name = f"otto-reconcile-tools-{secrets.token_hex(6)}"
    agent = await server.create_agent(id=name, name=name, description="")
    made = await agent.create_guideline(name, "", tools=tools, matcher=never)
    return str(agent.id), str(made.id)


def before_serving(work: Callable[[], Awaitable[None]]) -> Callable[[App], App]:
    """A middleware that does this work when all is evaluated and before the port opens."""

    def around(app: App) -> App:
        async def hooked(scope: Message, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await work()
            await app(scope, receive, send)

        return hooked

    return around
