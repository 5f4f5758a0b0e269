"""The calls for journeys, in whichever of its two forms a target's API has them.

Parlant's client knows one form alone, and not that of the release after its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.capabilities import STARTS
from otto_reconcile.port.connection import Connection
from otto_reconcile.port.releases import Versions

_PATH = "/journeys"


@dataclass(frozen=True, slots=True)
class RemoteJourney:
    """A journey as Parlant reports it; `conditions` are the ids of their guidelines."""

    id: str
    title: str
    description: str
    conditions: Sequence[str]
    tags: Sequence[str]
    labels: Sequence[str]
    priority: int | None
    composition_mode: str | None


class JourneyCalls:
    """As the client's `journeys`; each call is to be awaited by `Wire.call`."""

    def __init__(self, connection: Connection, versions: Versions) -> None:
        self._connection, self._versions = connection, versions

    async def create(self, *, conditions: Sequence[str], **values: Any) -> RemoteJourney:
        starts = (await self._versions.capabilities()).starts
        body = {**values, **{name: list(conditions) for name in starts}}
        return _journey(await self._json("POST", _PATH, body))

    async def retrieve(self, identity: str) -> RemoteJourney:
        return _journey(await self._json("GET", _path(identity)))

    async def list(self, *, tag_id: str | None = None) -> Sequence[RemoteJourney]:
        params = {} if tag_id is None else {"tag_id": tag_id}
        return [_journey(one) for one in await self._json("GET", _PATH, params=params)]

    async def update(self, identity: str, **values: Any) -> RemoteJourney:
        return _journey(await self._json("PATCH", _path(identity), values))

    async def delete(self, identity: str) -> None:
        await self._connection.http.delete(_path(identity))

    async def _json(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = await self._connection.http.request(method, path, json=body, **options)
        return answer.json()


def _path(identity: str) -> str:
    return f"{_PATH}/{addressed(identity)}"


def _journey(answer: Mapping[str, Any]) -> RemoteJourney:
    starts = next((answer[name] for name in STARTS if name in answer), ())
    return RemoteJourney(
        id=answer["id"],
        title=answer["title"],
        description=answer["description"],
        conditions=[str(key) for key in starts],
        tags=answer.get("tags") or [],
        labels=answer.get("labels") or [],
        priority=answer.get("priority"),
        composition_mode=answer.get("composition_mode"),
    )
