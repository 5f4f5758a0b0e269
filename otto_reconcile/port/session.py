"""What all adapters share on a connection to Parlant: names of tags, tools, release, journeys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import httpx

from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import Ref
from otto_reconcile.model.evaluation import EvaluationCache
from otto_reconcile.port.connection import Connection
from otto_reconcile.port.host_process import HostProcess
from otto_reconcile.port.journey_calls import JourneyCalls
from otto_reconcile.port.releases import Describe, Versions
from otto_reconcile.port.tools import Tools


class Made(NamedTuple):
    """A journey that was made with states: they, and the relationships that Parlant made of it."""

    states: Sequence[Any]
    relationships: Sequence[str]


class Wire(Connection):
    """A Connection with what adapters share on it.

    `version` is Parlant's and `describe` gives its OpenAPI description, where they are known
    without asking. What is known of `evaluations` goes along with all that is made.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        target: str,
        timeout: float,
        secrets: Iterable[str],
        version: str | None = None,
        describe: Describe | None = None,
        host: HostProcess | None = None,
        evaluations: EvaluationCache | None = None,
    ) -> None:
        super().__init__(http, target=target, timeout=timeout, secrets=secrets, host=host)
        self.tags = TagNames(self)
        self.tools = Tools(self)
        self.versions = Versions(self, version, describe)
        self.journeys = JourneyCalls(self, self.versions)
        self.evaluation_cache = evaluations or EvaluationCache()
        self.new_conditions: dict[str, Sequence[str]] = {}  # by journey, for `evaluations`
        self.made_journeys: dict[str, Made] = {}
        self.conditions: dict[str, str] = {}
        """The journeys of the guidelines that Parlant makes of their conditions, as last seen."""
        self.unclaimed: set[Ref] = set()
        """What is being created and cannot be there by us: see `port.base.Port.create`."""


def agent_tag(bot_id: str) -> str:
    return f"agent:{bot_id}"


def has_owner(tag_ids: Iterable[str] | None) -> bool:
    """True for what has the tag of an agent, whichever that is."""
    return any(tag_id.startswith("agent:") for tag_id in tag_ids or ())


def journey_tag(journey_id: str) -> str:
    return f"journey:{journey_id}"


class TagNames:
    """Names of tags for their ids and back, as of the last look at Parlant's list of tags."""

    def __init__(self, wire: Connection) -> None:
        self._wire = wire
        self._ids: dict[str, str] | None = None

    def expire(self) -> None:
        """The next question is answered by Parlant again."""
        self._ids = None

    def learn(self, name: str, tag_id: str) -> None:
        if self._ids is not None:
            self._ids[name] = tag_id

    async def all(self) -> dict[str, str]:
        """Ids by name."""
        if self._ids is None:
            tags = await self._wire.call(self._wire.parlant.tags.list())
            self._ids = {tag.name: tag.id for tag in tags}
        return self._ids

    async def ids(self, names: Iterable[str]) -> list[str]:
        """Raises TargetRefused for a name that is not on the target."""
        wanted = sorted(names)
        if not wanted:
            return []
        known = await self.all()
        if any(name not in known for name in wanted):
            self.expire()
            known = await self.all()
        missing = [name for name in wanted if name not in known]
        if missing:
            raise TargetRefused(f"no such tag on the target: {', '.join(missing)}", status=404)
        return [known[name] for name in wanted]

    async def names(self, tag_ids: Iterable[str]) -> list[str]:
        """Sorted names; what is no tag with a name (`agent:`, `journey:`, dangling) as it is."""
        plain = [t for t in tag_ids if not _is_derived(t)]
        by_id: dict[str, str] = {}
        if plain:
            by_id = {tag_id: name for name, tag_id in (await self.all()).items()}
            if any(tag_id not in by_id for tag_id in plain):
                self.expire()
                by_id = {tag_id: name for name, tag_id in (await self.all()).items()}
        return sorted(by_id.get(tag_id, tag_id) for tag_id in tag_ids)

    async def of_part(self, tag_ids: Sequence[str], bot_id: str) -> list[str]:
        """The tags of a part of a bot: without the bot's own tag, and saying so if that is gone.

        Without its tag a guideline is global, so this has to show as a difference.
        """
        own = agent_tag(bot_id)
        names = await self.names([tag_id for tag_id in tag_ids if tag_id != own])
        return names if own in tag_ids else sorted([*names, missing_mark(bot_id)])

    async def changes(
        self, before: Iterable[str], after: Iterable[str], *, bot_id: str | None = None
    ) -> dict[str, list[str]]:
        """`add` and `remove` of a PATCH, in ids; with `bot_id`, the bot's own tag is added too.

        Asks Parlant anew: a PATCH with an unknown tag is applied by half.
        """
        self.expire()
        wanted, found = set(after), set(before)
        add = await self.ids(wanted - found)
        known = await self.all()
        gone = sorted(found - wanted)
        remove = [known.get(name, name) for name in gone if not name.startswith(_MISSING)]
        if bot_id is not None:
            add = [agent_tag(bot_id), *add]
        return {"add": add, "remove": remove}


_MISSING = "(missing) "


def missing_mark(bot_id: str) -> str:
    """What stands among the observed tags of a part that has lost its bot's tag."""
    return f"{_MISSING}{agent_tag(bot_id)}"


def _is_derived(tag_id: str) -> bool:
    return tag_id.startswith(("agent:", "journey:", "journey_node:"))
