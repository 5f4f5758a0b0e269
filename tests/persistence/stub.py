"""A language model service that answers every schema with as little as it takes, and counts.

Each question is a line in the file that OTTO_TEST_ASKED names: the schema that was asked for.
"""

from __future__ import annotations

import enum
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic

from parlant.core.nlp.generation import T
from parlant.core.nlp.generation_info import GenerationInfo, UsageInfo
from parlant.sdk import (
    PromptBuilder,
    SchematicGenerationResult,
    SchematicGenerator,
    SchematicGeneratorHints,
)
from pydantic import BaseModel

from otto_reconcile.server.offline_nlp import OfflineGenerator, OfflineService


def least(wanted: Any) -> Any:
    """The smallest value of a type: of a model its required fields only."""
    origin = typing.get_origin(wanted)
    if origin is typing.Annotated:
        return least(typing.get_args(wanted)[0])
    if origin in (typing.Union, types.UnionType):
        inner = typing.get_args(wanted)
        return None if type(None) in inner else least(inner[0])
    if origin is typing.Literal:
        return typing.get_args(wanted)[0]
    plain = origin or wanted
    if not isinstance(plain, type):
        return None
    if issubclass(plain, BaseModel):
        fields = plain.model_fields.items()
        return {name: least(f.annotation) for name, f in fields if f.is_required()}
    if issubclass(plain, enum.Enum):
        return next(iter(plain))
    if issubclass(plain, (str, int, float)):
        return plain()
    return {} if issubclass(plain, Mapping) else []


class Counting(OfflineGenerator[T], Generic[T]):
    def __init__(self, schema: type[T]) -> None:
        self._schema = schema

    async def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> SchematicGenerationResult[T]:
        if isinstance(prompt, PromptBuilder):
            prompt.build()
        with Path(os.environ["OTTO_TEST_ASKED"]).open("a") as asked:
            asked.write(f"{self._schema.__name__}\n")
        content = self._schema.model_validate(least(self._schema))
        usage = UsageInfo(input_tokens=0, output_tokens=0)
        info = GenerationInfo(self._schema.__name__, "stub", 0.0, usage)
        return SchematicGenerationResult(content=content, info=info)


class StubService(OfflineService):
    async def get_schematic_generator(
        self, t: type[T], hints: SchematicGeneratorHints | None = None
    ) -> SchematicGenerator[T]:
        return Counting[t](t)  # type: ignore[valid-type]
