"""Requests and answers of the bridge: a token first, JSON, and a sentence for what is refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from otto_reconcile.server.change_hook import App, Message, Receive, Send

LONGEST = 400
"""Characters of an error of the SDK that an answer repeats."""


class Asked(Protocol):
    """Around each request that has the token."""

    def __call__(self, *, to_change: bool) -> AbstractContextManager[None]: ...


class Refusal(HTTPException):
    """An answer that says why something was not done."""

    def __init__(self, detail: str, status: int = 422) -> None:
        super().__init__(status, detail)


def said(error: Exception) -> str:
    """What an error of the SDK says, in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


async def body_of(request: Request, *names: str) -> dict[str, Any]:
    """The JSON object of a request, which has these names. Raises Refusal."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refusal("this is no JSON that can be read") from error
    if not isinstance(body, dict) or (missing := [name for name in names if name not in body]):
        what = f"it lacks {', '.join(missing)}" if isinstance(body, dict) else "it is no object"
        raise Refusal(f"this cannot be understood: {what}")
    return body


async def refused(request: Request, error: Exception) -> Response:
    """The answer that a Refusal, or another error that has a status, is."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


def behind_token(app: App, token: str, asked: Asked) -> App:
    """Answers 401 to what has not this token; what has it is done within `asked`."""
    expected = f"Bearer {token}".encode()

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = [value for name, value in scope["headers"] if name == b"authorization"]
            if len(given) != 1 or not secrets.compare_digest(given[0], expected):
                await _unauthorised(scope, receive, send)
                return
            with asked(to_change=scope["method"] != "GET"):
                await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    return guarded


_unauthorised: Callable[[Message, Receive, Send], Awaitable[None]] = JSONResponse(
    {"detail": "the token of the bridge is needed"},
    401,
    {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"},
)
