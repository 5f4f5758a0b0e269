"""Counts what the language model is asked: calls and tokens, for evaluating and for conversations.

`nlp_proxy` counts into a Meter; the daemon shows it and the loop asks it. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from otto_reconcile.reconcile.evaluation.usage import book
from otto_reconcile.reconcile.status import Usage


class Purpose(StrEnum):
    EVALUATION = "evaluation"
    CONVERSATION = "conversation"


_EVALUATING = "parlant.core.services.indexing."
"""Where Parlant defines the schemas of what it has evaluated; all others are a conversation's."""


def purpose_of(schema: type[Any]) -> Purpose:
    evaluating = schema.__module__.startswith(_EVALUATING)
    return Purpose.EVALUATION if evaluating else Purpose.CONVERSATION


class Meter:
    """Totals since it was made. Embeddings are not counted: they ask no language model."""

    def __init__(self) -> None:
        self._totals = {purpose: Usage() for purpose in Purpose}
        self._models: set[str] = set()

    def met(self, schema: type[Any], model: str) -> None:
        """Notes which model answers in the form of this schema."""
        if purpose_of(schema) is Purpose.EVALUATION:
            self._models.add(model)

    def called(self, purpose: Purpose) -> None:
        """One call begins: it is counted also if it fails."""
        self._add(purpose, Usage(calls=1))

    def used(self, purpose: Purpose, input_tokens: int, output_tokens: int) -> None:
        """One call has ended well."""
        self._add(purpose, Usage(0, input_tokens, output_tokens))

    def _add(self, purpose: Purpose, usage: Usage) -> None:
        self._totals[purpose] = self._totals[purpose].plus(usage)
        if purpose is Purpose.EVALUATION:
            book(usage)

    @property
    def model(self) -> str:
        """The models that evaluate, by the names that their service gives them."""
        return ", ".join(sorted(self._models))

    @property
    def evaluation(self) -> Usage:
        """What evaluating took so far."""
        return self._totals[Purpose.EVALUATION]

    def to_document(self) -> Mapping[str, Mapping[str, int]]:
        """The totals by purpose, for the status."""
        return {str(purpose): asdict(total) for purpose, total in self._totals.items()}
