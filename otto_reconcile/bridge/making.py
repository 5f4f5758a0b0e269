"""The routes for what only the process that hosts Parlant can make. Nothing here asks a model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from otto_reconcile.bridge.answers import Refusal, body_of, said
from otto_reconcile.errors import OttoError
from otto_reconcile.model import State, make
from otto_reconcile.model.journey_graph import identity
from otto_reconcile.port.bridge import RING
from otto_reconcile.port.host_process import End, HostProcess, Place, Recalled, Relations


class Making:
    """`host` gives what the process can do, `birth_of` when the journey of an id was made, and
    `bound_to` which relationships have one of these ends."""

    def __init__(
        self,
        host: Callable[[], HostProcess],
        birth_of: Callable[[str], Awaitable[str | None]],
        bound_to: Callable[[Collection[str]], Awaitable[Sequence[str]]],
    ) -> None:
        self._host, self._birth_of, self._bound_to = host, birth_of, bound_to
        self._turn = asyncio.Lock()  # Parlant's stores know no transaction
        self._made: dict[str, tuple[str | None, Recalled]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/journeys", self.journey, methods=["POST"]),
            Route("/journeys", self.recall, methods=["GET"]),
            Route("/canned-responses", self.canned, methods=["POST"]),
            Route("/relationships", self.relate, methods=["POST"]),
            Route("/relationships/{key:path}", self.unrelate, methods=["DELETE"]),
            Route("/relationships", self.relationships, methods=["GET"]),
            Route("/relationships/special", self.special, methods=["GET"]),
        ]

    async def journey(self, request: Request) -> Response:
        """Makes one with its states."""
        body = await body_of(request, "key", "bot_id", "spec", "places", "metadata")
        key, spec = str(body["key"]), body["spec"]
        async with self._turn:
            with _saying():
                made = make("journey", key, str(body["bot_id"]), spec)
                places = {name: Place(*place) for name, place in body["places"].items()}
                maker = self._host().journey
                assert maker is not None
                self._made.pop(key, None)
                await maker(made, places, body["metadata"])
                states = [State.model_validate(state) for state in spec["states"]]
                nodes = {f"journey_node:{identity(key, state)}" for state in states}
                recalled = Recalled(spec["states"], await self._bound_to(nodes))
                self._made[key] = await self._birth_of(key), recalled
        return Response(status_code=204)

    async def recall(self, request: Request) -> Response:
        """How a journey was made; null if it was not made here, or is gone."""
        key = request.query_params.get("key", "")
        born, made = self._made.get(key, (None, None))
        if made is None or born is None or await self._birth_of(key) != born:
            self._made.pop(key, None)  # another has its id by now
            return JSONResponse({"made": None})
        return JSONResponse({"made": made._asdict()})

    async def canned(self, request: Request) -> Response:
        names = ("value", "tags", "signals", "metadata", "field_dependencies")
        body = await body_of(request, *names)
        async with self._turn:
            with _saying():
                maker = self._host().canned
                assert maker is not None
                return JSONResponse({"id": await maker(**{name: body[name] for name in names})})

    async def relate(self, request: Request) -> Response:
        body = await body_of(request, "kind", "source", "target", "group")
        async with self._turn:
            with _saying(ring=True):
                source, target = End(*body["source"]), End(*body["target"])
                group = body["group"]
                made = await self._relations.make(str(body["kind"]), source, target, group)
        return JSONResponse({"id": made})

    async def unrelate(self, request: Request) -> Response:
        async with self._turn:
            with _saying():
                await self._relations.delete(request.path_params["key"])
        return Response(status_code=204)

    async def relationships(self, request: Request) -> Response:
        with _saying():
            return JSONResponse({"relationships": [_plain(o) for o in await self._relations.all()]})

    async def special(self, request: Request) -> Response:
        with _saying():
            return JSONResponse({"special": await self._relations.special()})

    @property
    def _relations(self) -> Relations:
        relations = self._host().relations
        assert relations is not None
        return relations


class _saying:
    """What fails inside becomes an answer with the sentence of the SDK; no fault of the program."""

    def __init__(self, *, ring: bool = False) -> None:
        self._ring = ring

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: Any
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, Refusal):
            return
        status = RING if self._ring and isinstance(error, ValueError) else 422
        what = error.message if isinstance(error, OttoError) else said(error)
        raise Refusal(what, status) from error


def _plain(value: Any) -> Any:
    """What has names, as `Relations.all` gives it, for JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, Sequence):
        return [_plain(inner) for inner in value]
    return {name: _plain(inner) for name, inner in vars(value).items()}
