"""Builds the connection to a Parlant server: over HTTP, or over ASGI within its own process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from otto_reconcile.errors import SettingsError
from otto_reconcile.model.evaluation import EvaluationCache
from otto_reconcile.port.host_process import HostProcess
from otto_reconcile.port.session import Wire
from otto_reconcile.runtime.proxies import is_loopback, refuse_unreadable
from otto_reconcile.settings import without_credentials

TIMEOUT = 30.0
"""Seconds for each call."""


def over_http(
    url: str,
    headers: Mapping[str, str],
    timeout: float = TIMEOUT,
    host: HostProcess | None = None,
    evaluations: EvaluationCache | None = None,
) -> Wire:
    """Credentials in the URL are sent, never shown. Raises SettingsError for a URL that is none."""
    parts = urlsplit(url)
    headers = {**headers, **(host.headers if host is not None else {})}
    http = client(url, headers, timeout)
    target = without_credentials(url).rstrip("/")
    secrets = [*secrets_of(headers), unquote(parts.password or "")]
    return Wire(
        http, target=target, timeout=timeout, secrets=secrets, host=host, evaluations=evaluations
    )


def client(url: str, headers: Mapping[str, str], timeout: float) -> httpx.AsyncClient:
    """Of the server at this URL. Raises SettingsError for a URL that is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        shown = without_credentials(url)
        raise SettingsError(f"{shown!r} is no address of a server: http:// or https:// needed")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    direct = is_loopback(parts.hostname)
    if not direct:
        refuse_unreadable()
    return httpx.AsyncClient(
        base_url=without_credentials(url).rstrip("/"),
        headers=dict(headers),
        auth=(user, password) if user or password else None,
        timeout=timeout,
        follow_redirects=False,
        verify=httpx.create_ssl_context(),  # with the CA that the environment names
        trust_env=not direct,  # no proxy is asked for what is on this machine
    )


def over_asgi(
    app: Any,
    target: str,
    headers: Mapping[str, str],
    timeout: float = TIMEOUT,
    host: HostProcess | None = None,
    evaluations: EvaluationCache | None = None,
) -> Wire:
    """`app` is what Parlant's `configure_api` hands out; it need not be serving yet."""
    transport = InProcess(app, raise_app_exceptions=False)
    http = httpx.AsyncClient(base_url="http://parlant", transport=transport, headers=dict(headers))
    return Wire(
        http,
        target=target,
        timeout=timeout,
        secrets=secrets_of(headers),
        version=getattr(app, "version", None),
        describe=description_of(app),
        host=host,
        evaluations=evaluations,
    )


def secrets_of(headers: Mapping[str, str]) -> list[str]:
    """Values of headers, and their parts: `Bearer x` is as secret as `x`."""
    return [part for value in headers.values() for part in (value, *value.split())]


class InProcess(httpx.ASGITransport):
    """httpx's, with each request in a task of its own: a cancelled caller is surely cancelled.

    Parlant answers 503 where its request is cancelled (`handle_cancellation` in
    parlant/api/app.py), so a caller that awaited the app in its own task would lose its
    cancellation and go on.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answering = asyncio.create_task(super().handle_async_request(request), name="parlant-call")
        try:
            await asyncio.wait({answering})
        finally:
            answering.cancel()
        return answering.result()


def description_of(app: Any) -> Callable[[], Mapping[str, Any]] | None:
    """What gives the OpenAPI description of a FastAPI app; None for another app.

    Not the app's own `openapi`, which keeps what it gives: routes that come later would be missing.
    """
    routes = getattr(app, "routes", None)
    if routes is None:
        return None

    def describe() -> Mapping[str, Any]:
        from fastapi.openapi.utils import get_openapi

        return get_openapi(title="Parlant API", version=str(app.version), routes=app.routes)

    return describe
