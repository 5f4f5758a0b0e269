"""StartPort: inside somebody's `async with p.Server()`, makes bots as the program makes its own.

Parlant evaluates what the SDK made when the body of the `async with` ends; what came over REST it
takes as it is, with what is known of an earlier evaluation. So what is to be evaluated is made by
the SDK until then, and everything else goes through the RestPort on the server's own app.
`attachment` and `restore` use it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from otto_reconcile.errors import OttoError, TargetRefused, TargetUnavailable
from otto_reconcile.model import Resource, make
from otto_reconcile.model.evaluation import questions_of
from otto_reconcile.persistence.sdk_maker import Maker, Server, Tool, is_starting
from otto_reconcile.planning.compare import differences
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.rest import RestPort
from otto_reconcile.port.session import Wire
from otto_reconcile.runtime import fencing
from otto_reconcile.server import sdk_host

_JUDGED = frozenset({"guideline", "journey"})
"""Kinds that Parlant evaluates at the end of the start, and must find then as they were made."""


class StartPort(RestPort):
    """`wire` leads to the server, and has what only its process can do; `tools` are the program's.

    With `evaluate` Parlant evaluates at the end of its start what nobody has evaluated yet;
    without, all is made over REST, and it asks no model. Journeys with states, which only the SDK
    can make, it evaluates in any case; if it `waits`, they are not made until that is over, and
    `waiting` has the bots that lack them.
    """

    def __init__(
        self,
        server: Server,
        wire: Wire,
        *,
        tools: Iterable[Tool] = (),
        evaluate: bool = True,
        waits: bool = False,
    ) -> None:
        super().__init__(wire, inside=True)
        self._server = server
        self._evaluate, self._waits = evaluate, waits
        self._tools = tuple(tools)
        self.waiting: set[str] = set()
        self._maker = Maker(server, RestPort(wire, inside=True))

    async def unable(self, resource: Resource) -> str | None:
        if resource.spec.get("composition_mode") == "core_fluid":
            return "Parlant's SDK has no composition mode core_fluid"
        if resource.spec.get("states") and self._waits and is_starting(self._server):
            self.waiting.add(resource.bot_id)
            return f"{resource.ref} is made when the server begins to serve"
        return await super().unable(resource)

    async def offer_tools(self) -> None:
        """Has Parlant host the program's own tools, so that whatever is made can have them."""
        if not self._tools:
            return
        await self.list_agents()  # where that is refused nothing could be cleared away
        agent, guideline = await sdk_host.offer(self._server, self._tools)
        for kind, key in (("guideline", guideline), ("agent", agent)):
            await super().delete(make(kind, key, agent, {}, remote_id=key))

    async def create(
        self, resource: Resource, *, fresh: bool = False, claimed: bool = True
    ) -> Resource:
        starting, maker = is_starting(self._server), self._maker.of(resource.kind)
        if resource.spec.get("states"):
            maker = None  # the REST port hands it to Parlant's SDK whenever it comes
        if maker is None or not starting or not self._evaluate or self._is_evaluated(resource):
            return await super().create(resource, fresh=fresh, claimed=claimed)
        # Journeys always: where one is there, the SDK would leave its conditions to all agents.
        look_first = not fresh or resource.kind == "journey"
        there = await self._existing(resource) if look_first else None
        if there is None:
            fencing.check()  # the SDK sends no request that would ask the fence
            self._touch(resource)
            try:
                return await maker(resource)
            except OttoError:
                raise
            except Exception as error:
                there = await self._existing(resource)
                if there is None:
                    raise _refusal(resource, error) from error
        return await self._brought(resource, there, claimed)

    async def update(
        self, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        self._not_while_evaluated(resource)
        return await super().update(resource, changes, observed)

    async def delete(self, observed: Resource) -> None:
        self._not_while_evaluated(observed)
        await super().delete(observed)

    def _is_evaluated(self, resource: Resource) -> bool:
        """True if all that Parlant would ask a model about it is known."""
        questions, known = questions_of(resource), self._wire.evaluation_cache.known
        return bool(questions) and all(question.key in known for question in questions)

    def _not_while_evaluated(self, resource: Resource) -> None:
        if resource.kind in _JUDGED and is_starting(self._server):
            raise TargetUnavailable(
                f"{resource.ref} is there already, otherwise than it is wanted, and Parlant is "
                "about to evaluate it: it can be changed once the server serves"
            )

    async def _existing(self, resource: Resource) -> Resource | None:
        known = {resource.ref: resource}
        found = await self.observe(resource.bot_id, known, unmanaged=False)
        return found.snapshot.get(resource.ref)

    async def _brought(self, resource: Resource, there: Resource, claimed: bool) -> Resource:
        if not any(differences(resource, there)):
            return there
        if claimed:  # what is the program's own is no matter of waiting
            self._not_while_evaluated(resource)
        return await super().create(resource, claimed=claimed)


def _refusal(resource: Resource, error: Exception) -> TargetRefused:
    said = " ".join(str(error).split())[:300] or type(error).__name__
    return TargetRefused(f"Parlant's SDK refused {resource.ref}: {said}", status=422)
