"""Parlant as any of its users sees it: plain HTTP, none of our code. For looking, and for harm."""

from __future__ import annotations

from typing import Any

import httpx


class Rest:
    """JSON in, JSON out; an answer of 4xx or 5xx raises httpx.HTTPStatusError."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **params: Any) -> Any:
        return _body(await self.http.get(path, params=params))

    async def post(self, path: str, **body: Any) -> Any:
        return _body(await self.http.post(path, json=body))

    async def patch(self, path: str, **body: Any) -> Any:
        return _body(await self.http.patch(path, json=body))

    async def delete(self, path: str) -> None:
        _body(await self.http.delete(path))

    async def exists(self, path: str) -> bool:
        return (await self.http.get(path)).status_code == 200

    async def clean(self) -> None:
        """Deletes everything that a test may have made, what dangles included."""
        for path in ("relationships", "journeys", "guidelines", "terms", "agents", "tags"):
            answer = await self.http.get(f"/{path}", params=_DIRECT.get(path, {}))
            for item in answer.json() if answer.is_success else ():
                await self.http.delete(f"/{path}/{item['id']}")


_DIRECT = {"relationships": {"indirect": "false"}}


def _body(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json() if answer.content else None
