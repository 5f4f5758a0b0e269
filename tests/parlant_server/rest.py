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

    async def text(self, path: str) -> str:
        answer = await self.http.get(path)
        answer.raise_for_status()
        return answer.text

    async def post(self, path: str, **body: Any) -> Any:
        return _body(await self.http.post(path, json=body))

    async def patch(self, path: str, **body: Any) -> Any:
        return _body(await self.http.patch(path, json=body))

    async def put(self, path: str, **body: Any) -> Any:
        return _body(await self.http.put(path, json=body))

    async def delete(self, path: str) -> None:
        _body(await self.http.delete(path))

    async def exists(self, path: str) -> bool:
        return (await self.http.get(path)).status_code == 200

    async def clean(self) -> None:
        """Deletes everything that a test may have made, what dangles included."""
        await self._clean_relationships()
        for customer in await self.get("/customers"):
            if customer["id"] != "guest":
                path = f"/customers/{customer['id']}"
                await self.patch(path, tags={"remove": customer["tags"]})  # else they come back
                await self.delete(path)
        contents = ("canned_responses", "context-variables", "capabilities")
        for path in ("journeys", "guidelines", "terms", *contents, "agents", "tags"):
            for item in await self.get(f"/{path}"):
                await self.http.delete(f"/{path}/{item['id']}")
            assert await self.get(f"/{path}") == [], f"cannot clean {path}"
        for service in await self.get("/services"):
            if service["name"] != "built-in":  # that one would not come back
                await self.delete(f"/services/{service['name']}")

    async def _clean_relationships(self) -> None:
        """Makes again what relationships dangle from: Parlant lists them only then."""
        for _ in range(20):
            answer = await self.http.get("/relationships", params={"indirect": "false"})
            if answer.is_success:
                for relationship in answer.json():
                    await self.delete(f"/relationships/{relationship['id']}")
                return
            missing = answer.json()["detail"].removeprefix("Item '").removesuffix("' not found")
            await self.post("/guidelines", id=missing, condition="back")
        raise AssertionError("cannot clean relationships")


def _body(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json() if answer.content else None
