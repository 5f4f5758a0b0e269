"""Keeps braces in people's texts from breaking Parlant's prompts: a model service around another.

Parlant 3.3 copies texts (conditions, actions, a model's reasons that quote a customer's JSON) into
templates of prompts, and then fills the templates. A brace in such a text is taken for a field:
the turn fails, mostly without a word to the customer. Here each template is looked at before the
model's service builds it, and braces that are no field of it are made plain text. Imports Parlant;
`nlp` wraps every service in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from string import Formatter
from typing import Any, Generic

from parlant.core.engines.alpha.prompt_builder import PromptSection
from parlant.core.nlp.generation import (
    StreamingTextGenerationResult,
    StreamingTextGenerator,
    T,
)
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

_PIECE = re.compile(r"\{\{|\}\}|\{(\w+)\}|[{}]")


def around(make: Callable[[Container], NLPService]) -> Callable[[Container], NLPService]:
    """The same factory, of a service that never meets a template that cannot be filled."""
    return lambda container: _Service(make(container))


def mend(prompt: str | PromptBuilder) -> None:
    """Changes the sections of a prompt whose templates have braces that are no fields."""
    if isinstance(prompt, str):
        return
    for name, section in list(prompt.sections.items()):
        if not _is_sound(section.template, section.props.keys()):
            prompt.edit_section(name, _mended)


def _is_sound(template: str, fields: Collection[str]) -> bool:
    try:
        pieces = list(Formatter().parse(template))
    except ValueError:
        return False
    return all(
        field is None or (field in fields and not spec and not conversion)
        for _, field, spec, conversion in pieces
    )


def _mended(section: PromptSection) -> PromptSection:
    """Fields and doubled braces stay; a brace on its own is doubled, which prints it as it is."""

    def plain(found: re.Match[str]) -> str:
        piece = found[0]
        if piece in ("{{", "}}") or found[1] in section.props:
            return piece
        return piece.replace("{", "{{").replace("}", "}}")

    return replace(section, template=_PIECE.sub(plain, section.template))


class _Generator(SchematicGenerator[T], Generic[T]):
    def __init__(self, inner: SchematicGenerator[T]) -> None:
        self._inner = inner

    async def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> SchematicGenerationResult[T]:
        mend(prompt)
        return await self._inner.generate(prompt, hints)

    @property
    def id(self) -> str:
        return self._inner.id

    @property
    def max_tokens(self) -> int:
        return self._inner.max_tokens

    @property
    def tokenizer(self) -> EstimatingTokenizer:
        return self._inner.tokenizer


class _Streaming(StreamingTextGenerator):
    def __init__(self, inner: StreamingTextGenerator) -> None:
        self._inner = inner

    def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> StreamingTextGenerationResult:
        mend(prompt)
        return self._inner.generate(prompt, hints)

    @property
    def id(self) -> str:
        return self._inner.id

    @property
    def tokenizer(self) -> EstimatingTokenizer:
        return self._inner.tokenizer


class _Service(NLPService):
    def __init__(self, inner: NLPService) -> None:
        self._inner = inner

    @property
    def supports_streaming(self) -> bool:
        return self._inner.supports_streaming

    async def get_schematic_generator(
        self, t: type[T], hints: SchematicGeneratorHints | None = None
    ) -> SchematicGenerator[T]:
        inner = await self._inner.get_schematic_generator(t, *([hints] if hints else []))
        return _Generator[t](inner)  # type: ignore[valid-type]

    async def get_streaming_text_generator(
        self, hints: StreamingTextGeneratorHints | None = None
    ) -> StreamingTextGenerator:
        made = await self._inner.get_streaming_text_generator(*([hints] if hints else []))
        return _Streaming(made)

    async def get_embedder(self, hints: EmbedderHints | None = None) -> Embedder:
        return await self._inner.get_embedder(*([hints] if hints else []))

    async def get_moderation_service(self) -> ModerationService:
        return await self._inner.get_moderation_service()
