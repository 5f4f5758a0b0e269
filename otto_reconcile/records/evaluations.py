"""What language models have evaluated, kept forever: the loop reads and writes it here.

An evaluation holds for what was asked (see `model.evaluation`), by which Parlant, of which model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from otto_reconcile.model.evaluation import Evaluation
from otto_reconcile.runtime import exact_json
from otto_reconcile.store.base import Document, Store, Write


@dataclass(frozen=True, slots=True)
class EvaluatedBy:
    """Who evaluates: the version of Parlant, which words the prompts, and the model."""

    parlant: str
    model: str

    @classmethod
    def of(cls, target: str, parlant: str | None, model: str | None = None) -> EvaluatedBy:
        """Where the model is not known, the server's address stands for it."""
        return cls(parlant or "unknown", f"the model of {target}" if model is None else model)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said to the question of this key; `subject` names for what it was asked first."""

    key: str
    evaluation: Evaluation
    subject: str
    time: datetime


class Evaluations:
    """Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(
        self, evaluated_by: EvaluatedBy, keys: Sequence[str] | None = None
    ) -> dict[str, Evaluation]:
        """By the key of the question all of one evaluator's, or those to `keys`.

        A damaged one is left out: it is asked anew.
        """
        where: Document = {"parlant": evaluated_by.parlant, "model": evaluated_by.model}
        if keys is not None:
            where["key"] = {"$in": list(keys)}
        found = self._store.find("evaluations", where, fields=("key", "judgement"))
        read = ((document.get("key"), _evaluation(document)) for document in found)
        return {key: said for key, said in read if isinstance(key, str) and said is not None}

    def writing(self, evaluated_by: EvaluatedBy, answers: Sequence[Answer]) -> Write:
        """What saves them, for a batch with the audit's."""
        return Write("put", "evaluations", [_document(evaluated_by, answer) for answer in answers])


def _document(evaluated_by: EvaluatedBy, answer: Answer) -> Document:
    """The evaluation is one text: a model may have said what not every store can hold."""
    return {
        "key": answer.key,
        "parlant": evaluated_by.parlant,
        "model": evaluated_by.model,
        "judgement": json.dumps(answer.evaluation, sort_keys=True),
        "subject": answer.subject,
        "time": answer.time,
    }


def _evaluation(document: Document) -> Evaluation | None:
    try:
        said = exact_json.loads_any_number(document["judgement"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
