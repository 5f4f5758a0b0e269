"""The model service of an embedded server: there, away, and how it is found to have come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from parlant.sdk import Container, Embedder, EmbedderHints, EmbeddingResult, NLPService

from otto_reconcile.errors import ModelUnavailable, SettingsError
from otto_reconcile.server import nlp
from otto_reconcile.server.model_source import ModelSource
from otto_reconcile.server.offline_nlp import OfflineEmbedder, OfflineService


class Real(OfflineService):
    """A service that is there."""


class DeafEmbedder(OfflineEmbedder):
    async def embed(self, texts: list[str], hints: Any = None) -> EmbeddingResult:
        raise ConnectionError("no route to the host")


class Deaf(OfflineService):
    """One that can be made, but whose host does not answer."""

    async def get_embedder(self, hints: EmbedderHints | None = None) -> Embedder:
        return DeafEmbedder()


class Halved(Real):
    """One whose generators cannot be made."""

    broken = True

    async def get_schematic_generator(self, t: Any, hints: Any = None) -> Any:
        if self.broken:
            raise OSError("the tokenizer cannot be fetched")
        return await super().get_schematic_generator(t, hints)


def refusing(container: object) -> NLPService:
    raise ConnectionError("no route to the host")


async def begun(make: Callable[[Any], NLPService], within: float = 10.0) -> ModelSource:
    """A source after Parlant has asked it for an embedder and a generator."""
    source = ModelSource(make, within)
    service = source.factory(Container())
    await (await service.get_embedder()).embed(["a text"])
    await service.get_schematic_generator(dict)
    return source


async def test_a_service_that_is_there_is_used() -> None:
    source = await begun(lambda container: Real())
    assert source.away is None
    assert isinstance(await source.current(), Real)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (refusing, "no route to the host"),
        (lambda container: Deaf(), "no route to the host"),
        (lambda container: Halved(), "the tokenizer cannot be fetched"),
    ],
)
async def test_a_service_that_is_away_is_stood_in_for(
    make: Callable[[Any], NLPService], why: str
) -> None:
    source = await begun(make)
    assert source.away is not None
    assert why in source.away
    assert not await source.is_there()


async def test_a_service_that_comes_later_is_found() -> None:
    made: list[Callable[[Any], NLPService]] = [refusing]
    source = await begun(lambda container: made[-1](container))
    made.append(lambda container: Halved())
    assert not await source.is_there()
    assert source.away is not None
    assert "tokenizer" in source.away
    made.append(lambda container: Real())
    assert await source.is_there()


async def test_a_factory_that_hangs_holds_up_nothing() -> None:
    go = threading.Event()

    def make(container: object) -> NLPService:
        go.wait(60)
        return Real()

    source = await begun(make, within=0.05)
    assert source.away == "it could not be made within 0 s"
    go.set()
    for _ in range(400):
        if await source.is_there():
            break
    assert source.took > 0


async def test_a_factory_may_need_the_running_loop() -> None:
    def make(container: object) -> NLPService:
        asyncio.get_running_loop()
        return Real()

    assert (await begun(make)).away is None
    wrapped = nlp._wrapped("own:make", make)
    assert (await begun(wrapped)).away is None


def exits(container: object) -> NLPService:
    raise SystemExit("no licence")


async def test_a_factory_that_ends_the_process_does_not() -> None:
    for make in (exits, nlp._wrapped("own:make", exits)):
        assert (await begun(make)).away == "no licence"


async def test_what_only_a_new_start_can_cure_is_refused() -> None:
    def without_package(container: object) -> NLPService:
        raise ModuleNotFoundError("No module named 'weights'", name="weights")

    mistakes: list[tuple[Any, str]] = [
        (without_package, "package weights is not installed"),
        (lambda container: 7, "it gave a int, which is no NLPService"),
    ]
    for make, words in mistakes:
        with pytest.raises(SettingsError, match=words):
            await begun(nlp._wrapped("own:make", make))
    with pytest.raises(ModelUnavailable):
        nlp._wrapped("own:make", refusing)(None)  # type: ignore[arg-type]
