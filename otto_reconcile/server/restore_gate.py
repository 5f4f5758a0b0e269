"""Keeps requests waiting for bots that are not back yet, and notes which bots are written to.

The port of an embedded server opens before its bots are restored. Nobody is to meet half a bot: a
request that is about one waits for that one, a request about all bots for all of them. One that
waits too long is answered 503 with Retry-After (RFC 9110, section 10.2.3).
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeAlias

from otto_reconcile.model import kinds
from otto_reconcile.reconcile.admission import EVERY_BOT, Admission, Subject
from otto_reconcile.server.change_hook import (
    OWN,
    App,
    Copy,
    Message,
    Receive,
    Send,
    Watch,
    touches,
)

LIMIT = 20.0
"""Seconds that a request waits: less than what proxies and browsers allow."""
SESSIONS = 10_000
"""Conversations of which it is kept whose they are, the latest."""
_OPEN = frozenset({"customer", "tag", "tool_service"})
"""Kinds that are no part of one bot: customers come as guests, tags and services are shared."""
_PATHS = frozenset(kind.path for kind in kinds() if kind.name not in _OPEN)

HoldUp: TypeAlias = tuple[str, float]
"""Why something takes so long, as a sentence, and the seconds until it is worth another try."""


async def _unknown(session_id: str) -> str | None:
    """Conversations end with the process: there are none but those that began here."""
    return None


class RestoreGate:
    """Makes the middleware.

    `hold_up(bots)` says why these bots (None: some) are not there yet; `used(bot_id)` hears of each
    message that a customer writes. `agent_of(session_id)` tells whose a conversation is that began
    in an earlier life, where conversations are kept.
    """

    def __init__(
        self,
        admission: Admission,
        hold_up: Callable[[frozenset[str] | None], HoldUp],
        used: Callable[[str], None] = lambda bot_id: None,
        limit: float = LIMIT,
        agent_of: Callable[[str], Awaitable[str | None]] = _unknown,
    ) -> None:
        self._admission, self._hold_up, self._used = admission, hold_up, used
        self._limit, self._agent_of = limit, agent_of
        self._sessions: OrderedDict[str, str] = OrderedDict()

    def middleware(self, app: App) -> App:
        """An ASGI app around `app`; our own calls and what is about no bot pass straight through.

        It is to be the innermost, so that what it answers gets the headers of all others.
        """

        async def gated(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["method"] == "OPTIONS" or scope.get(OWN):
                await app(scope, receive, send)
                return
            first, *others = scope["path"].strip("/").split("/")
            conversing = first == "sessions" and scope["method"] in ("POST", "PATCH")
            if writing := conversing and bool(others) and scope["method"] == "POST":
                self._note(await self._bot_of(others[0]))
            moving = conversing and not writing
            if not moving and not self._is_held("agents" if writing else first):
                await app(scope, receive, send)
                return
            asked = await _read(receive) if scope["method"] not in ("GET", "HEAD") else []
            body = Copy.of(message.get("body", b"") for message in asked)
            bot_id = await self._bot_of(others[0]) if writing else None
            subjects = [Subject(bot_id)] if bot_id is not None else [*_about(scope, body)]
            if subjects and not await self._admission.wait(subjects, self._limit):
                await self._refuse(send, self._admission.bots_of(subjects))
                return
            watch = Watch(_again(asked, receive), send)
            await app(scope, watch.receive if asked else receive, watch.send)
            if moving:
                self._moved(body.json(), watch.answered.json())

        return gated

    def _is_held(self, first: str) -> bool:
        """True while a request to such a path may have to wait."""
        return first in _PATHS and not (self._admission.known and not self._admission.left)

    async def _bot_of(self, session_id: str) -> str | None:
        """Whose a conversation is, if that is known."""
        if session_id not in self._sessions and (bot_id := await self._agent_of(session_id)):
            self._keep(session_id, bot_id)
        return self._sessions.get(session_id)

    def _keep(self, session_id: str, bot_id: str) -> None:
        self._sessions[session_id] = bot_id
        while len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)

    def _moved(self, asked: Any, answered: Any) -> None:
        """A conversation began, or went to another bot: whose it is, is told by what was asked."""
        bot_id, session_id = _text(asked, "agent_id"), _text(answered, "id")
        if bot_id is not None and session_id is not None:
            self._keep(session_id, bot_id)
            self._note(bot_id)

    def _note(self, bot_id: str | None) -> None:
        if bot_id is not None:
            self._used(bot_id)

    async def _refuse(self, send: Send, bots: frozenset[str] | None) -> None:
        why, seconds = self._hold_up(bots)
        body = json.dumps({"detail": why}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"retry-after", str(max(1, math.ceil(seconds))).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _about(scope: Message, body: Copy) -> Iterator[Subject]:
    """What a request is about; nothing if it is about no bot."""
    path, method = scope["path"], scope["method"]
    said = body.json()
    first, *others = path.strip("/").split("/")
    if first == "sessions":
        bot_id = _text(said, "agent_id") if method == "PATCH" or not others else None
        if bot_id is not None:
            yield Subject(bot_id)
        return
    query = scope.get("query_string", b"").decode("latin-1")
    for touched in touches(method, path, body, Copy(), query):
        if touched.ends:
            yield from (Subject(part=("guideline", end)) for end in touched.ends)
        elif touched.bot_id is not None:
            yield Subject(touched.bot_id)
        elif touched.kind == "guideline" and (first, method) == ("journeys", "POST"):
            continue  # the text of a condition
        elif touched.id:
            yield Subject(part=(touched.kind, touched.id))
        elif method != "POST":
            yield EVERY_BOT
        elif (key := _text(said, "id")) is not None:
            yield Subject(key) if touched.kind == "agent" else Subject(part=(touched.kind, key))


def _text(said: Any, name: str) -> str | None:
    value = said.get(name) if isinstance(said, Mapping) else None
    return value if isinstance(value, str) else None


async def _read(receive: Receive) -> list[Message]:
    """The whole of a request's body, in the messages that it came in."""
    messages: list[Message] = []
    while True:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request" or not message.get("more_body"):
            return messages


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Gives these messages once more, then what comes after them."""
    rest = iter(messages)

    async def again() -> Message:
        for message in rest:
            return message
        return await receive()

    return again
