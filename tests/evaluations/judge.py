"""A language model that evaluates every text alike, tells its price, and notes what it was asked.

Each call is a line in the file that OTTO_TEST_ASKED names: the schema that was asked for. While
there is a file of that name with `.mute`, it fails.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic

from parlant.core.nlp.generation import T
from parlant.core.nlp.generation_info import GenerationInfo, UsageInfo
from parlant.sdk import (
    NLPService,
    PromptBuilder,
    SchematicGenerationResult,
    SchematicGenerator,
    SchematicGeneratorHints,
)

from otto_reconcile.server.offline_nlp import OfflineGenerator, OfflineService
from tests.persistence.stub import least

INPUT, OUTPUT = 10, 2
"""Tokens of each call."""
LIKELY = "You are likely to do that"


def _answer(schema: type[Any]) -> dict[str, Any]:
    said = {
        "GuidelineContinuousPropositionSchema": {"is_continuous": True},
        "AgentIntentionProposerSchema": {
            "is_agent_intention": True,
            "rewritten_condition": LIKELY,
        },
        "GuidelineActionPropositionSchema": {"action": "Use the tool"},
    }
    return {**least(schema), **said.get(schema.__name__, {})}


class Judging(OfflineGenerator[T], Generic[T]):
    async def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> SchematicGenerationResult[T]:
        if isinstance(prompt, PromptBuilder):
            prompt.build()
        asked = Path(os.environ["OTTO_TEST_ASKED"])
        with asked.open("a") as lines:
            lines.write(f"{self.schema.__name__}\n")
        if asked.with_suffix(".mute").exists():
            raise RuntimeError("the quota is used up")
        content = self.schema.model_validate(_answer(self.schema))
        info = GenerationInfo(self.schema.__name__, self.id, 0.0, UsageInfo(INPUT, OUTPUT))
        return SchematicGenerationResult(content=content, info=info)

    @property
    def id(self) -> str:
        return os.environ.get("OTTO_TEST_MODEL", "test/judge")


class EvaluatedBy(OfflineService):
    async def get_schematic_generator(
        self, t: type[T], hints: SchematicGeneratorHints | None = None
    ) -> SchematicGenerator[T]:
        return Judging[t]()  # type: ignore[valid-type]


def factory(container: Any) -> NLPService:
    return EvaluatedBy()
