"""Hears from GitHub, GitLab and others that a branch has moved, so that nobody waits for a look.

What a call says is not believed but for one thing: that it is worth a look now. It has to be signed
with the shared secret: `X-Hub-Signature-256` (GitHub, Gitea, Forgejo), HMAC-SHA256 of the body in
hexadecimal, see GitHub's "Validating webhook deliveries"; or `X-Gitlab-Token`, the secret itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from otto_reconcile.server import loopback

PATH = "/webhook"
MOST = 25 * 1024 * 1024
"""Bytes of a call, as much as GitHub sends."""


class Webhook:
    """Sets every event of `moved` at each call that is signed with `secret`."""

    def __init__(self, secret: str, moved: Sequence[asyncio.Event]) -> None:
        self._secret, self._moved = secret.encode(), tuple(moved)
        self.app = Starlette(routes=[Route(PATH, self._called, methods=["POST"])])

    async def _called(self, request: Request) -> Response:
        body = bytearray()
        try:
            async for part in request.stream():
                body += part
                if len(body) > MOST:
                    return _said(413, f"a call has at most {MOST} bytes")
        except ClientDisconnect:
            return _said(400, "the call was cut off")
        if not self._is_signed(request, bytes(body)):
            return _said(401, "this call is not signed with the secret of this webhook")
        for event in self._moved:
            event.set()
        return _said(202, "looking")

    def _is_signed(self, request: Request, body: bytes) -> bool:
        token = request.headers.get("X-Gitlab-Token")
        if token is not None:
            return hmac.compare_digest(token.encode(), self._secret)
        signed = request.headers.get("X-Hub-Signature-256", "")
        expected = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(signed.encode(), expected.encode())

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[str]:
        """Listens on loopback and gives its URL. Raises SettingsError for a port that is taken."""
        async with loopback.listening(
            self.app, port, option="--webhook-port", name="webhook"
        ) as url:
            yield f"{url}{PATH}"


def _said(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)
