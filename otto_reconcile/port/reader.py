"""View: what one observation reads of Parlant, each thing once; in a sweep, lists are shared.

A list of what has a bot's tag costs Parlant a walk through all that it holds, and blocks its loop
meanwhile. So where only some parts are to be read, nothing is listed: each is read by its id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from otto_reconcile.errors import TemporaryError
from otto_reconcile.model import Ref, Resource
from otto_reconcile.model.evaluation import EvaluationCheck
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.session import Wire, agent_tag, has_owner, journey_tag, missing_mark


class Sweep:
    """Lists of the whole target, read when first asked for and kept until the sweep ends.

    `touched` are the bots that were written to since it began: those are read singly.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = asyncio.Lock()
        self._lists: dict[str, Any] = {}
        self.touched: set[str] = set()

    async def once(self, name: str, read: Callable[[], Awaitable[Any]]) -> Any:
        async with self._lock:
            if name not in self._lists:
                self._lists[name] = await self._wire.call(read())
            return self._lists[name]


class View:
    """One bot as it is being read. Lists of Parlant's own models, in Parlant's own words.

    With `own`, the ends of relationships that are the bot's, its parts are read by their ids.
    """

    def __init__(
        self, wire: Wire, bot_id: str, sweep: Sweep | None, own: frozenset[str] | None = None
    ) -> None:
        self.wire = wire
        self.bot_id = bot_id
        self.own = own
        self._sweep = None if sweep is None or bot_id in sweep.touched else sweep
        self._memo: dict[str, Any] = {}
        self.checks: list[EvaluationCheck] = []
        """What was seen of evaluations on the way."""

    @property
    def sweeping(self) -> bool:
        return self._sweep is not None

    async def agent(self) -> Any | None:
        if "agent" not in self._memo:
            agents = self.wire.parlant.agents
            if self._sweep is not None:
                listed = await self._sweep.once("agents", agents.list)
                found = next((agent for agent in listed if agent.id == self.bot_id), None)
            else:
                found = await self.wire.maybe(agents.retrieve(addressed(self.bot_id)))
            self._memo["agent"] = found
        return self._memo["agent"]

    async def strays(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys, missing from the bot's lists, that are worth asking for by id.

        None without the agent: then all is gone, and asking for each part would cost a restore.
        """
        missing = sorted(keys)
        return missing if missing and await self.agent() is not None else []

    async def guidelines(self) -> Sequence[Any]:
        """Those with the bot's tag."""
        return () if self.own is not None else await self.listed_guidelines()

    async def listed_guidelines(self) -> Sequence[Any]:
        """The same, also where parts are read by their ids: some of them cannot be."""
        if "guidelines" not in self._memo:
            call = self.wire.parlant.guidelines.list(tag_id=agent_tag(self.bot_id))
            self._memo["guidelines"] = await self.wire.call(call)
        found: Sequence[Any] = self._memo["guidelines"]
        return found

    async def terms(self) -> Sequence[Any]:
        if self.own is not None:
            return ()
        call = self.wire.parlant.glossary.list_terms(tag_id=agent_tag(self.bot_id))
        return await self.wire.call(call)

    async def listed(
        self, name: str, read: Callable[..., Awaitable[Any]], having: Collection[str], **query: Any
    ) -> Sequence[Any]:
        """What `read(**query)` gives, all that has a tag of `having`; in a sweep of one list."""
        if self._sweep is None:
            return list(await self.wire.call(read(**query)))
        everything = await self._sweep.once(name, read)
        return [item for item in everything if not set(having).isdisjoint(item.tags or ())]

    async def journeys(self) -> Sequence[Any]:
        """Those with the bot's tag. Outside a sweep this is dear."""
        if self.own is not None:
            return ()
        if "journeys" not in self._memo:
            client, tag = self.wire.journeys, agent_tag(self.bot_id)
            if self._sweep is not None:
                everything = await self._sweep.once("journeys", client.list)
                self._memo["journeys"] = [j for j in everything if tag in j.tags]
            else:
                self._memo["journeys"] = await self.wire.call(client.list(tag_id=tag))
        found: Sequence[Any] = self._memo["journeys"]
        return found

    async def conditions(self, journey_id: str, keys: Sequence[str] = ()) -> Sequence[Any]:
        """The guidelines with the journey's tag; `keys` are the ids that it gives for them."""
        found: Sequence[Any] | None = None
        if self.own is not None and keys:
            found = await self._by_id(keys)
        if found is None:
            call = self.wire.parlant.guidelines.list(tag_id=journey_tag(journey_id))
            found = list(await self.wire.call(call))
        made = (one for one in found if not has_owner(one.tags))
        self.wire.conditions.update((str(one.id), journey_id) for one in made)
        return found

    async def _by_id(self, keys: Sequence[str]) -> Sequence[Any] | None:
        """None if one of them is not there, or cannot be shown."""
        client = self.wire.parlant.guidelines
        try:
            calls = [await self.wire.call(client.retrieve(k), may_fail=True) for k in keys]
        except (Absent, Failed):
            return None
        return [answer.guideline for answer in calls]

    async def relationships(self) -> Sequence[Any] | None:
        """All of the target, in a sweep only; None if Parlant cannot list them (one dangles)."""
        if self._sweep is None:
            return None
        client = self.wire.parlant.relationships

        async def read() -> Sequence[Any] | None:
            if (inside := await related_inside(self.wire)) is not None:
                return inside
            try:
                return await self.wire.call(client.list(indirect=False), may_fail=True)
            except (Absent, TemporaryError):
                return None

        found: Sequence[Any] | None = await self._sweep.once("relationships", read)
        return found


def ends_of(bot_id: str, known: Mapping[Ref, Resource]) -> frozenset[str]:
    """The ends of relationships that are the bot's own, as far as its parts are known."""
    parts = (f"{ref.kind}:{ref.key}" for ref in known if ref.kind in ("guideline", "journey"))
    return frozenset({f"agent:{bot_id}", *parts})


def is_of_bot(found: Resource) -> bool:
    """True for what was read by its id and has the bot's tag, and is no condition of a journey."""
    tags = found.spec.get("tags") or ()
    return missing_mark(found.bot_id) not in tags and not any(
        str(tag).startswith("journey:") for tag in tags
    )


async def related_inside(wire: Wire) -> Sequence[Any] | None:
    """All relationships as Parlant's own process has them; None where its API shows all of them."""
    relations = wire.host.relations
    if relations is None or not await relations.special():
        return None
    return await relations.all()
