"""Keeps what a server had evaluated before its bots were adopted: nobody has to pay for that again.

What stands there with a text is taken for the answer to that text, since the server works by it.
Later the loop never does so: Parlant keeps an old evaluation with a text that was changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from otto_reconcile.model import Bot, snapshot_of
from otto_reconcile.model.evaluation import questions_of
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.evaluations import Answer, EvaluatedBy, Evaluations


async def evaluated(port: RestPort, bots: Iterable[Bot], now: datetime) -> list[Answer]:
    """The answers that stand with the texts of these bots. Raises as `port.observe` does."""
    answers: dict[str, Answer] = {}
    for bot in bots:
        asked = [resource for resource in snapshot_of(bot).values() if questions_of(resource)]
        found = await port.evaluated(bot.id, asked)
        for resource in asked:
            for question in questions_of(resource):
                if (said := found.get(question)) and question.key not in answers:
                    subject = f"{resource.kind} {resource.key}"
                    answers[question.key] = Answer(question.key, said, subject, now)
    return list(answers.values())


def keep(stores: Stores, evaluated_by: EvaluatedBy, answers: Iterable[Answer]) -> None:
    """Saves those that are not known yet. Raises StoreUnavailable."""
    evaluations, by_key = Evaluations(stores.store), {answer.key: answer for answer in answers}
    known = evaluations.load(evaluated_by, sorted(by_key))
    if new := [answer for key, answer in sorted(by_key.items()) if key not in known]:
        stores.store.batch([evaluations.writing(evaluated_by, new)])
