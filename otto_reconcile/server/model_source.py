"""Gets the language model service of an embedded server, and stands in for one that is away.

Parlant makes its service once, at its start, and makes its indexes to the measure of the service's
embedder. So a service that comes later cannot be put into a running Parlant: with `is_there` a
caller finds out that it has come, and starts Parlant anew. Imports Parlant; `embedded` uses it.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from parlant.core.nlp.generation import StreamingTextGenerator, T
from parlant.core.nlp.service import StreamingTextGeneratorHints
from parlant.sdk import (
    Container,
    Embedder,
    EmbedderHints,
    ModerationService,
    NLPService,
    SchematicGenerator,
    SchematicGeneratorHints,
)

from otto_reconcile.errors import ModelUnavailable, OttoError
from otto_reconcile.server.nlp import Factory, needs_loop, sentence
from otto_reconcile.server.offline_nlp import OfflineGenerator, OfflineService

ANSWER_WITHIN = 15.0
"""Seconds in which a service has to be made, or to embed a word; a start waits no longer."""
HANGS_AFTER = 300.0
"""Seconds after which a service that is still being made is given up and made anew."""
MOST_GIVEN_UP = 5
"""Threads that may hang at a time: Python cannot end them."""

Made = TypeVar("Made")


class ModelSource:
    """The service of one life of a server. `away` says why it is not in use, else it is None.

    `answer_within` is the time in seconds that each try may take.
    """

    def __init__(self, make: Factory, answer_within: float = ANSWER_WITHIN) -> None:
        self.away: str | None = None
        self.took = 0.0
        """Seconds that the last try took that succeeded."""
        self._make, self._answer_within = make, answer_within
        self._container: Container | None = None
        self._schemas: list[type[Any]] = []
        self._turn = asyncio.Lock()
        self._first: NLPService | None = None
        self._making: asyncio.Future[NLPService] | None = None
        self._begun = float("-inf")
        self._given_up = 0

    def factory(self, container: Container) -> NLPService:
        """For Parlant: gives a service at once, which gets the real one when it is first asked."""
        self._container = container
        return _Standing(self)

    async def current(self) -> NLPService:
        """The service of this life, or the one that stands in. Raises SettingsError."""
        async with self._turn:
            if self._first is None:
                assert self._container is not None
                self._first = OfflineService()
                try:
                    self._first = await self._tried(self._container, ())
                except ModelUnavailable as error:
                    self.away = error.message
        return self._first

    def lost(self, error: BaseException) -> None:
        """A part of the service could not be made: it is away for the rest of this life."""
        self.away = self.away or _sentence(error)

    async def is_there(self) -> bool:
        """Tries again, with all parts that Parlant asked for; `away` says why not."""
        if self.away is None:
            return True
        assert self._container is not None
        async with self._turn:
            try:
                # A clone: what a factory puts into the container cannot be put there twice.
                container = self._container.clone()
                await self._tried(container, tuple(self._schemas))
            except OttoError as error:
                self.away = error.message
                return False
        return True

    async def generator(self, schema: type[T], *hints: Any) -> SchematicGenerator[T]:
        self._schemas.append(schema)
        service = await self.current()
        try:
            return await service.get_schematic_generator(schema, *hints)
        except (Exception, SystemExit) as error:
            self.lost(error)
            return OfflineGenerator[schema]()  # type: ignore[valid-type]

    async def _tried(self, container: Container, schemas: Sequence[type[Any]]) -> NLPService:
        """The service, made and found to answer. Raises ModelUnavailable and SettingsError."""
        service = await self._made(container, schemas)
        await _within(self._answer_within, _embeds(service))
        self.took = time.monotonic() - self._begun
        return service

    async def _made(self, container: Container, schemas: Sequence[type[Any]]) -> NLPService:
        """In a thread, since a service may block for as long as it likes while it is made."""
        if self._making is None or self._hangs():
            self._begun = time.monotonic()
            self._making = _in_thread(lambda: _all_parts(self._make, container, schemas))
        making, seconds = self._making, self._answer_within
        await asyncio.wait({making}, timeout=seconds)
        if not making.done():
            raise ModelUnavailable(f"it could not be made within {seconds:.0f} s")
        self._making = None
        try:
            return making.result()
        except (OttoError, asyncio.CancelledError):
            raise
        except BaseException as error:
            if not needs_loop(error):
                raise ModelUnavailable(_sentence(error)) from error
        return await _within(seconds, _here(self._make, container))

    def _hangs(self) -> bool:
        if time.monotonic() - self._begun < HANGS_AFTER or self._given_up >= MOST_GIVEN_UP:
            return False
        self._given_up += 1
        return True


class _Standing(NLPService):
    """What Parlant holds for its service: the real one, or the one that stands in."""

    def __init__(self, source: ModelSource) -> None:
        self._source = source
        self._streams = False

    @property
    def supports_streaming(self) -> bool:
        # Parlant asks for generators, and so has the service made, before it asks for this.
        return self._streams

    async def get_schematic_generator(
        self, t: type[T], hints: SchematicGeneratorHints | None = None
    ) -> SchematicGenerator[T]:
        generator = await self._source.generator(t, *([hints] if hints else []))
        self._streams = (await self._source.current()).supports_streaming
        return generator

    async def get_streaming_text_generator(
        self, hints: StreamingTextGeneratorHints | None = None
    ) -> StreamingTextGenerator:
        service = await self._source.current()
        return await service.get_streaming_text_generator(*([hints] if hints else []))

    async def get_embedder(self, hints: EmbedderHints | None = None) -> Embedder:
        service = await self._source.current()
        return await service.get_embedder(*([hints] if hints else []))

    async def get_moderation_service(self) -> ModerationService:
        return await (await self._source.current()).get_moderation_service()


def _all_parts(make: Factory, container: Container, schemas: Sequence[type[Any]]) -> NLPService:
    """Makes the service and, to see that nothing is missing, what Parlant will ask it for."""
    service = make(container)

    async def parts() -> None:
        await service.get_embedder()
        for schema in schemas:
            await service.get_schematic_generator(schema)

    asyncio.run(parts())
    return service


async def _here(make: Factory, container: Container) -> NLPService:
    """For a factory that needs the running event loop."""
    return make(container)


async def _embeds(service: NLPService) -> None:
    """Raises what the embedder raises: without it Parlant cannot make journeys and terms."""
    await (await service.get_embedder()).embed(["hello"])


async def _within(seconds: float, work: Awaitable[Made]) -> Made:
    try:
        return await asyncio.wait_for(work, seconds)
    except TimeoutError as error:
        raise ModelUnavailable(f"it does not answer within {seconds:.0f} s") from error
    except OttoError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelUnavailable(_sentence(error)) from error


def _in_thread(work: Callable[[], NLPService]) -> asyncio.Future[NLPService]:
    """Runs it in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[NLPService] = loop.create_future()
    context = contextvars.copy_context()

    def settle(made: NLPService | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
            done.exception()  # it may be that nobody waits for it any more
        elif made is not None:
            done.set_result(made)

    def run() -> None:
        made: NLPService | None = None
        problem: BaseException | None = None
        try:
            made = context.run(work)
        except (SystemExit, StopIteration) as error:  # a future cannot hold them
            problem = ModelUnavailable(_sentence(error))
        except BaseException as error:
            problem = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, made, problem)

    threading.Thread(target=run, name="language-model", daemon=True).start()
    return done


def _sentence(error: BaseException) -> str:
    """What went wrong as one line; a page of text is cut."""
    text = sentence(error)
    return text if len(text) <= 300 else text[:299] + "…"
