"""A language model service without a model: all that Parlant needs to start.

Imports Parlant; `nlp` imports it when it is chosen. Customers get their answer from `answers`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any, Generic

from parlant.core.nlp.generation import StreamingTextGenerator, T
from parlant.core.nlp.service import StreamingTextGeneratorHints
from parlant.sdk import (
    Embedder,
    EmbedderHints,
    EmbeddingResult,
    EstimatingTokenizer,
    ModerationService,
    NLPService,
    NoModeration,
    PromptBuilder,
    SchematicGenerationResult,
    SchematicGenerator,
    SchematicGeneratorHints,
)

NO_MODEL = "no language model is configured"

# Parlant writes its whole cache of vectors, a line to a number, for each new text. No search runs
# without a model, so the vectors are as short as still tells texts apart.
_DIMENSIONS = 2
_WORD = re.compile(r"\w+")


class OfflineTokenizer(EstimatingTokenizer):
    """Counts words, and at least one, since Parlant divides by it."""

    async def estimate_token_count(self, prompt: str) -> int:
        return 1 + len(_WORD.findall(prompt))


class OfflineEmbedder(Embedder):
    """Counts words in hashed places: the same text has the same vector in every process."""

    async def embed(self, texts: list[str], hints: Mapping[str, Any] = {}) -> EmbeddingResult:
        return EmbeddingResult(vectors=[_vector(text) for text in texts])

    @property
    def id(self) -> str:
        return "offline"

    @property
    def max_tokens(self) -> int:
        return 8192

    @property
    def tokenizer(self) -> EstimatingTokenizer:
        return OfflineTokenizer()

    @property
    def dimensions(self) -> int:
        return _DIMENSIONS


def _vector(text: str) -> list[int]:
    # The first place is never 0, so that no vector has the length 0, by which Parlant divides.
    places = [1] + [0] * (_DIMENSIONS - 1)
    for word in _WORD.findall(text.lower()):
        places[1 + zlib.crc32(word.encode("utf-8", "replace")) % (_DIMENSIONS - 1)] += 1
    return places


class OfflineGenerator(SchematicGenerator[T], Generic[T]):
    """Always raises. Parlant needs the subscript with which it is made."""

    async def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> SchematicGenerationResult[T]:
        raise RuntimeError(NO_MODEL)

    @property
    def id(self) -> str:
        return "offline"

    @property
    def max_tokens(self) -> int:
        return 8192

    @property
    def tokenizer(self) -> EstimatingTokenizer:
        return OfflineTokenizer()


class OfflineService(NLPService):
    """Starts everywhere, needs no key and no network."""

    @property
    def supports_streaming(self) -> bool:
        return False

    async def get_schematic_generator(
        self, t: type[T], hints: SchematicGeneratorHints | None = None
    ) -> SchematicGenerator[T]:
        return OfflineGenerator[t]()  # type: ignore[valid-type]

    async def get_streaming_text_generator(
        self, hints: StreamingTextGeneratorHints | None = None
    ) -> StreamingTextGenerator:
        raise NotImplementedError(NO_MODEL)

    async def get_embedder(self, hints: EmbedderHints | None = None) -> Embedder:
        return OfflineEmbedder()

    async def get_moderation_service(self) -> ModerationService:
        return NoModeration()
