"""A model service around another, through which all of Parlant's questions to a model go.

It mends prompts that cannot be built (`prompt_escaping`) and counts calls and tokens (`metering`).
Imports Parlant; `embedded` wraps every service in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any, Generic

from parlant.core.nlp.generation import (
    StreamingTextGenerationResult,
    StreamingTextGenerator,
    T,
)
from parlant.core.nlp.generation_info import UsageInfo
from parlant.core.nlp.service import StreamingTextGeneratorHints
from parlant.sdk import (
    Container,
    Embedder,
    EmbedderHints,
    EstimatingTokenizer,
    ModerationService,
    NLPService,
    PromptBuilder,
    SchematicGenerationResult,
    SchematicGenerator,
    SchematicGeneratorHints,
)

from otto_reconcile.server.metering import Meter, Purpose, purpose_of
from otto_reconcile.server.prompt_escaping import mend


def around(
    make: Callable[[Container], NLPService], meter: Meter
) -> Callable[[Container], NLPService]:
    """The same factory, of a service that is counted and meets no template it cannot fill."""
    return lambda container: _Service(make(container), meter)


class _Generator(SchematicGenerator[T], Generic[T]):
    def __init__(self, inner: SchematicGenerator[T], meter: Meter) -> None:
        self._inner, self._meter = inner, meter

    async def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> SchematicGenerationResult[T]:
        mend(prompt)
        purpose = purpose_of(self.schema)
        self._meter.called(purpose)
        result = await self._inner.generate(prompt, hints)
        _count(self._meter, purpose, result.info.usage)
        return result

    @property
    def id(self) -> str:
        return self._inner.id

    @property
    def max_tokens(self) -> int:
        return self._inner.max_tokens

    @property
    def tokenizer(self) -> EstimatingTokenizer:
        return self._inner.tokenizer


def _count(meter: Meter, purpose: Purpose, usage: UsageInfo) -> None:
    meter.used(purpose, usage.input_tokens or 0, usage.output_tokens or 0)


class _Streaming(StreamingTextGenerator):
    def __init__(self, inner: StreamingTextGenerator, meter: Meter) -> None:
        self._inner, self._meter = inner, meter

    def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> StreamingTextGenerationResult:
        mend(prompt)
        self._meter.called(Purpose.CONVERSATION)
        made = self._inner.generate(prompt, hints)
        return StreamingTextGenerationResult(self._counted(made), lambda: made.info)

    async def _counted(self, made: StreamingTextGenerationResult) -> AsyncIterator[str | None]:
        """The stream; what it took is known only at its end."""
        async for chunk in made.stream:
            yield chunk
        with suppress(Exception):  # a service that cannot say it must not spoil the answer
            _count(self._meter, Purpose.CONVERSATION, made.info.usage)

    @property
    def id(self) -> str:
        return self._inner.id

    @property
    def tokenizer(self) -> EstimatingTokenizer:
        return self._inner.tokenizer


class _Service(NLPService):
    def __init__(self, inner: NLPService, meter: Meter) -> None:
        self._inner, self._meter = inner, meter

    @property
    def supports_streaming(self) -> bool:
        return self._inner.supports_streaming

    async def get_schematic_generator(
        self, t: type[T], hints: SchematicGeneratorHints | None = None
    ) -> SchematicGenerator[T]:
        inner = await self._inner.get_schematic_generator(t, *([hints] if hints else []))
        self._meter.met(t, inner.id)
        return _Generator[t](inner, self._meter)  # type: ignore[valid-type]

    async def get_streaming_text_generator(
        self, hints: StreamingTextGeneratorHints | None = None
    ) -> StreamingTextGenerator:
        made = await self._inner.get_streaming_text_generator(*([hints] if hints else []))
        return _Streaming(made, self._meter)

    async def get_embedder(self, hints: EmbedderHints | None = None) -> Embedder:
        return await self._inner.get_embedder(*([hints] if hints else []))

    async def get_moderation_service(self) -> ModerationService:
        return await self._inner.get_moderation_service()
