"""Language model services for the driver: one fails, one never answers. Imports Parlant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic

from parlant.core.nlp.generation import T
from parlant.sdk import (
    NLPService,
    PromptBuilder,
    SchematicGenerationResult,
    SchematicGenerator,
    SchematicGeneratorHints,
)

from otto_reconcile.server.offline_nlp import OfflineGenerator, OfflineService


class FailingGenerator(OfflineGenerator[T], Generic[T]):
    async def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> SchematicGenerationResult[T]:
        raise RuntimeError("quota exceeded, secret-detail")


class SlowGenerator(OfflineGenerator[T], Generic[T]):
    async def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> SchematicGenerationResult[T]:
        while True:  # a client library that swallows cancellation
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue


class Service(OfflineService):
    def __init__(self, *, slow: bool) -> None:
        self._slow = slow

    async def get_schematic_generator(
        self, t: type[T], hints: SchematicGeneratorHints | None = None
    ) -> SchematicGenerator[T]:
        return SlowGenerator[t]() if self._slow else FailingGenerator[t]()  # type: ignore[valid-type]


def factory(*, slow: bool) -> Callable[[Any], NLPService]:
    return lambda container: Service(slow=slow)
