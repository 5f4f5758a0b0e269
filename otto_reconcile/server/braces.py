"""Keeps braces that a customer writes from breaking Parlant's reply: a hook in its engine.

Parlant 3.3 builds the prompt for the reply from a template into which the model's reason for each
guideline has been copied; where that quotes JSON, the template cannot be filled, and the customer
hears nothing. Imports Parlant; `answers` sets it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parlant.core.engines.alpha.guideline_matching.guideline_match import GuidelineMatch
from parlant.sdk import EngineContext, EngineHookResult

_ROUND = str.maketrans("{}", "()")


async def rounded(
    context: EngineContext, payload: Any, error: Exception | None
) -> EngineHookResult:
    """For `on_generating_messages`: the reasons say the same with round brackets."""
    state = context.state
    state.ordinary_guideline_matches = [_safe(m) for m in state.ordinary_guideline_matches]
    state.tool_enabled_guideline_matches = {
        _safe(match): tools for match, tools in state.tool_enabled_guideline_matches.items()
    }
    return EngineHookResult.CALL_NEXT


def _safe(match: GuidelineMatch) -> GuidelineMatch:
    rationale = match.rationale.translate(_ROUND)
    return match if rationale == match.rationale else replace(match, rationale=rationale)
