"""The bridge of a Parlant elsewhere, from the side of the daemon: `otto_reconcile.bridge` answers.

Parlant's own API is spoken beside it, by `rest`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx

from otto_reconcile.errors import TargetRefused, TargetUnavailable
from otto_reconcile.model import Resource
from otto_reconcile.planning.redaction import scrub
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.connecting import TIMEOUT, client, secrets_of
from otto_reconcile.port.connection import Connection
from otto_reconcile.port.host_process import (
    RUN_HEADER,
    End,
    HostProcess,
    Place,
    Recalled,
)
from otto_reconcile.settings import without_credentials

PATH = "/otto-reconcile/v1"
VERSION = 1
JOURNEY = 300.0
"""Seconds for a journey: Parlant takes more than a minute for the largest."""
OTHER_LIFE, RING = 410, 409
"""What the bridge answers to what is meant for an earlier life, and to a ring of relationships."""
NONE_THERE = (
    "there is no bridge in the Parlant at {target}, though OTTO_BRIDGE_TOKEN names its token: put"
    " otto_reconcile.bridge into the program that hosts it (docs/bridge.md), or unset the variable"
)
WRONG_TOKEN = "the bridge of the Parlant at {target} does not take this token"


class AnotherLife(TargetRefused):
    """What was said is about an earlier life of the target."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a bridge says of itself: its life, and the number of what happened last."""

    epoch: str
    last: int


@dataclass(frozen=True, slots=True)
class News:
    """What happened on the target after a number, `last` being the newest.

    `touched` has (kind, id, bot, ends) of each change; `demands` the bots that somebody waits for,
    `used` those that customers wrote to. `busy` is for how many seconds a customer may still wait
    for an answer. With `lost` there was more than is told.
    """

    epoch: str
    last: int
    lost: bool
    touched: Sequence[tuple[str, str, str | None, tuple[str, ...]]]
    demands: Sequence[str]
    used: Sequence[str]
    busy: float


def run_token(token: str) -> str:
    """By what our own calls of Parlant are known there: the same in each life of the server."""
    return hmac.new(token.encode(), b"otto_reconcile run", hashlib.sha256).hexdigest()


class Bridge(Connection):
    """Calls of one bridge. `mark` is given the headers by which it knows our calls of Parlant."""

    def __init__(self, url: str, token: str, headers: Mapping[str, str] | None = None) -> None:
        others = {k: v for k, v in (headers or {}).items() if k.lower() != "authorization"}
        sent = {**others, "Authorization": f"Bearer {token}"}
        target = without_credentials(url).rstrip("/")
        http = client(target, sent, TIMEOUT)
        super().__init__(http, target=target, timeout=TIMEOUT, secrets=secrets_of(sent))
        self._run = {RUN_HEADER: run_token(token)}
        self.mark: Callable[[Mapping[str, str]], None] = lambda headers: None

    @property
    def process(self) -> HostProcess:
        """What only the process that hosts Parlant can do, done there."""
        return HostProcess(
            self.canned,
            self.journey,
            _Relations(self),
            recall=self.recall,
            beside=False,
            close=self.http.aclose,
            headers=self._run,
        )

    async def hello(self) -> Hello:
        """Raises TargetUnavailable where there is no bridge, or one of another version."""
        said = await self._ask("GET", "/")
        if said.get("version") != VERSION:
            raise TargetUnavailable(
                f"the bridge of the Parlant at {self.target} is of another version:"
                " install the same otto-reconcile here and there"
            )
        self.mark(said["run_header"])
        return Hello(said["epoch"], said["last"])

    async def news(self, after: int, wait: float) -> News:
        """What happened after that number; waits so many seconds for something."""
        said = await self._ask("GET", "/changes", params={"after": after, "wait": wait})
        touched = [(kind, id_, bot, tuple(ends)) for kind, id_, bot, ends in said.pop("touched")]
        return News(touched=touched, **said)

    async def tell(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """Says something of the admission of bots. Raises AnotherLife too."""
        await self._ask(method, path, json=body)

    async def journey(
        self,
        journey: Resource,
        places: Mapping[str, Place],
        metadata: Mapping[str, Mapping[str, Any]],
    ) -> None:
        said = {"key": journey.key, "bot_id": journey.bot_id, "spec": dict(journey.spec)}
        body = {**said, "places": places, "metadata": metadata}
        await self._ask("POST", "/journeys", json=body, timeout=JOURNEY)

    async def recall(self, key: str) -> Recalled | None:
        """How this journey was made in this life; None if it was not made over the bridge."""
        made = (await self._ask("GET", "/journeys", params={"key": key}))["made"]
        return Recalled(**made) if made is not None else None

    async def canned(self, **values: Any) -> str:
        return str((await self._ask("POST", "/canned-responses", json=values))["id"])

    async def ask_relations(self, method: str, path: str = "", **how: Any) -> Any:
        return await self._ask(method, f"/relationships{path}", **how)

    async def _ask(self, method: str, path: str, timeout: float = TIMEOUT, **how: Any) -> Any:
        async def ask() -> Any:
            answer = await self.http.request(method, f"{PATH}{path}", timeout=timeout, **how)
            return answer.json() if answer.status_code != 204 else None

        return await self.call(ask(), timeout=timeout)

    async def _refuse_bad_answers(self, response: httpx.Response) -> None:
        """In the bridge's words; what is not its answer is told as of any server."""
        if not response.is_success:
            await response.aread()
        status = response.status_code
        if status == 401:
            raise TargetRefused(
                WRONG_TOKEN.format(target=self.target),
                status=status,
                hint="OTTO_BRIDGE_TOKEN here is to be the token that the program gives to bridge()",
            )
        if status in (404, 405):
            raise TargetUnavailable(NONE_THERE.format(target=self.target))
        detail = _detail(response) if status in (OTHER_LIFE, RING, 422) else None
        if detail is None:
            await super()._refuse_bad_answers(response)
        else:
            kind = AnotherLife if status == OTHER_LIFE else TargetRefused
            raise kind(str(scrub(detail, self._secrets)), status=status)


class _Relations:
    """`host_process.Relations` over a bridge."""

    def __init__(self, bridge: Bridge) -> None:
        self._ask = bridge.ask_relations

    async def make(self, kind: str, source: End, target: End, group: str | None) -> str:
        body = {"kind": kind, "source": source, "target": target, "group": group}
        try:
            return str((await self._ask("POST", json=body))["id"])
        except TargetRefused as error:
            if error.status != RING:
                raise
            raise ValueError(error.message) from error  # as Parlant's SDK says it

    async def delete(self, key: str) -> None:
        await self._ask("DELETE", f"/{addressed(key)}")

    async def special(self) -> bool:
        return bool((await self._ask("GET", "/special"))["special"])

    async def all(self) -> Sequence[Any]:
        return [_named(one) for one in (await self._ask("GET"))["relationships"]]


def _named(value: Any) -> Any:
    """Objects with names, as Parlant's client gives them, of what JSON has."""
    if isinstance(value, dict):
        return SimpleNamespace(**{name: _named(inner) for name, inner in value.items()})
    return value


def _detail(response: httpx.Response) -> str | None:
    try:
        said = response.json()
    except ValueError:
        return None
    detail = said.get("detail") if isinstance(said, dict) else None
    return detail if isinstance(detail, str) else None
