"""Notices changes of Parlant's resources by others: an ASGI middleware that `embedded` installs."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any, Protocol, Self, TypeAlias
from urllib.parse import parse_qs

from otto_reconcile.model import kinds
from otto_reconcile.port.host_process import RUN_HEADER
from otto_reconcile.reconcile.target_changes import Touched

CHANGE_HEADER = RUN_HEADER
"""A request that carries this header with the hook's token is our own and is not reported."""

BODY_LIMIT = 1 << 20
"""Bytes of a body that are looked at for ids and tags; of a longer one nothing is known."""

OWN = "otto_reconcile.own"
"""A key in the scope of a request that is our own, for what stands further in."""

NOTHING_DONE = frozenset({401, 403, 405, 422, 429, 503})
"""Answers to a call that changed nothing. Another failure may have come when some was done."""

ANSWERING = 10.0
"""Seconds after a customer's message in which it is taken to be answered."""

KINDS = {kind.path: kind.name for kind in kinds()}
"""The first part of a path, and the kind that it holds: only the kinds that the port can mend.

A report makes the loop look; of anything else it would look in vain. New customers, and the values
of variables for one of them, are written in the ordinary course of conversations."""

_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_AGENT_TAG, _JOURNEY_TAG = (re.compile(rf"{word}:(.+)", re.DOTALL) for word in ("agent", "journey"))

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_log = logging.getLogger("otto_reconcile.server")


class Changes(Protocol):
    """Where changes go: a queue, or what looks like one."""

    def put_nowait(self, item: Touched, /) -> None: ...


class ChangeHook:
    """Makes the middleware; `headers` are for our own client, so that it is not reported.

    What others change goes into `changes`; without them nobody asks. `token` is what those headers
    hold; by default one of this hook alone. `wrote` hears of a customer
    who writes while none waits for an answer, `changed` of each change of our own.
    """

    def __init__(
        self,
        changes: Changes | None,
        token: str | None = None,
        wrote: Callable[[], None] = lambda: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._changes, self._wrote, self._changed = changes, wrote, changed
        self._token = token or secrets.token_hex(16)
        self._written = float("-inf")

    def is_busy(self) -> bool:
        """True while a customer who wrote may still wait for the answer."""
        return self.busy > 0.0

    @property
    def busy(self) -> float:
        """The seconds for which a customer who wrote may still wait for the answer."""
        return max(0.0, ANSWERING - (time.monotonic() - self._written))

    @property
    def headers(self) -> dict[str, str]:
        return {CHANGE_HEADER: self._token}

    def middleware(self, app: App) -> App:
        """An ASGI app around `app`; all but foreign changes of resources pass straight through."""
        header, token = CHANGE_HEADER.encode(), self._token.encode()

        async def hooked(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            own = [value for name, value in scope["headers"] if name == header]
            if own:
                # Parlant repeats the headers of a request that it forbids; the token is ours.
                kept = [pair for pair in scope["headers"] if pair[0] != header]
                scope = {**scope, "headers": kept, OWN: token in own}
            if scope["method"] not in _METHODS:
                await app(scope, receive, send)
                return
            if token in own:
                self._changed()
            if scope["path"].startswith("/sessions"):
                self._write()
            if self._changes is None or _kind(scope["path"]) is None or token in own:
                await app(scope, receive, send)
                return
            watch = Watch(receive, send)
            try:
                await app(scope, watch.receive, watch.send)
            finally:  # Parlant applies a change step by step, and may fail when some of it is done
                if watch.status not in NOTHING_DONE:
                    self._report(scope, watch)

        return hooked

    def _write(self) -> None:
        was_busy, self._written = self.is_busy(), time.monotonic()
        if not was_busy:
            self._wrote()

    def _report(self, scope: Message, watch: Watch) -> None:
        try:
            query = scope.get("query_string", b"").decode("latin-1")
            for touched in touches(
                scope["method"], scope["path"], watch.asked, watch.answered, query
            ):
                assert self._changes is not None
                self._changes.put_nowait(touched)
        except Exception:
            _log.exception("a change of %s was noticed, but not passed on", scope["path"])


class Watch:
    """Passes both streams on as they are, and keeps copies while they are short."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.asked, self.answered, self.status = Copy(), Copy(), 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.asked.add(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.answered.add(message.get("body", b""))
        await self._send(message)


class Copy:
    """What a stream carried, or nothing once it was longer than `limit` bytes."""

    def __init__(self, limit: float = BODY_LIMIT) -> None:
        self._chunks: list[bytes] = []
        self._size, self._limit = 0, limit

    def add(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= self._limit:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> Self:
        """All that these chunks carry: somebody holds them anyway."""
        copy = cls(float("inf"))
        for chunk in chunks:
            copy.add(chunk)
        return copy

    def json(self) -> Any:
        """None if it is too long, not JSON, or nested deeper than Python reads."""
        try:
            return json.loads(b"".join(self._chunks))
        except (ValueError, RecursionError):
            return None


def _kind(path: str) -> str | None:
    first, *others = path.strip("/").split("/")
    value_for = others[1] if len(others) > 1 and first == "context-variables" else "DEFAULT"
    of_one = value_for != "DEFAULT" and not value_for.startswith("tag:")
    new_customer = first == "customers" and not others
    return None if of_one or new_customer else KINDS.get(first)


def touches(method: str, path: str, asked: Copy, answered: Copy, query: str = "") -> list[Touched]:
    """What a call touched: one Touched for each bot that its bodies name, sorted.

    A guideline may be, or have been, a condition of a journey; a journey has guidelines as its
    conditions; a relationship has ends.
    """
    kind = _kind(path)
    if kind is None:
        return []
    question, answer = asked.json(), _entity(kind, answered.json())
    part = path.strip("/").split("/")[1:2]
    key = part[0] if part else str(answer.get("id") or "")
    if kind == "agent":
        return [Touched(kind, key, key or None)]
    asked_for = {"tags": parse_qs(query).get("tag_id", [])}
    bodies = (question, answer, asked_for)
    bots = sorted({bot for body in bodies for bot in _tagged(body, _AGENT_TAG)})
    found = [Touched(kind, key, bot) for bot in bots] or [Touched(kind, key, None)]
    if kind == "guideline":
        journeys = {one for body in bodies for one in _tagged(body, _JOURNEY_TAG)}
        found += [Touched("journey", journey, None) for journey in sorted(journeys)]
    if kind == "journey":
        conditions = {one for body in (question, answer) for one in _conditions(body)}
        found += [Touched("guideline", condition, None) for condition in sorted(conditions)]
    if kind == "relationship":
        ends = tuple(sorted({end for body in (question, answer) for end in _ends(body)}))
        found = [Touched(kind, key, None, ends)]
    return found


def _conditions(body: Any) -> Iterator[str]:
    """The ids among the conditions of a journey: as a list, or as lists to add and to remove."""
    said = body.get("conditions") if isinstance(body, dict) else None
    for group in said.values() if isinstance(said, dict) else [said]:
        yield from (
            one for one in (group if isinstance(group, list) else ()) if isinstance(one, str)
        )


def _ends(body: Any) -> Iterator[str]:
    """The guidelines at the ends of a relationship: by id, or as Parlant shows them."""
    for side in ("source_guideline", "target_guideline"):
        end = body.get(side) if isinstance(body, dict) else None
        end = end.get("id") if isinstance(end, dict) else end
        if isinstance(end, str):
            yield end


def _entity(kind: str, answer: Any) -> dict[str, Any]:
    """The changed entity: some answers carry it under the name of its kind."""
    if not isinstance(answer, dict):
        return {}
    inner = answer.get(kind)
    return inner if isinstance(inner, dict) else answer


def _tagged(body: Any, form: re.Pattern[str]) -> Iterator[str]:
    """What the tags of this form in a body name, as a list or as lists to add and to remove."""
    tags = body.get("tags") if isinstance(body, dict) else None
    for group in tags.values() if isinstance(tags, dict) else [tags]:
        for tag in group if isinstance(group, list) else ():
            match = form.fullmatch(tag) if isinstance(tag, str) else None
            if match:
                yield match[1]
