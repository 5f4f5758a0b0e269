"""What a model is asked about the texts of a bot, and what it said: for the port and the loop.

Parlant has a model evaluate each condition with its action, and keeps the answer as metadata of the
guideline. Nobody declares it, so it never shows as a difference: it goes along with a resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from otto_reconcile.model.guideline import EVALUATED
from otto_reconcile.model.resource import JSON, Ref, Resource, digest

Evaluation: TypeAlias = Mapping[str, JSON]
"""Metadata by its keys, in Parlant's words."""
_ALWAYS = frozenset({"continuous", "customer_dependent_action_data"})


@dataclass(frozen=True, slots=True)
class Question:
    """All that Parlant sends to a model about a guideline, a condition or a state of a journey.

    Of a guideline `tools` (as the vocabulary names them) only where there is no action: the model
    then proposes one from them. Of a `state`, which is asked about otherwise, always. `key` is the
    digest of it all, the same for texts that differ in white space at the ends of lines alone.
    """

    condition: str
    action: str | None = None
    tools: tuple[str, ...] = ()
    state: bool = False
    key: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        condition, action = self.condition, self.action
        if self.state:
            condition = " ".join(condition.split())
        else:
            condition, action = _tidy(condition), _tidy(action) if action else action
        content = [self.state, condition, action, *self.tools]
        object.__setattr__(self, "key", digest(content))


def _tidy(text: str) -> str:
    """For comparing alone: what is known of a text holds for it with other ends of lines."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def evaluation_in(metadata: Evaluation) -> Evaluation | None:
    """What an evaluation left in the metadata of a guideline; None if there was none, or a part."""
    said = {key: value for key, value in metadata.items() if key in EVALUATED}
    return said if said.keys() >= _ALWAYS else None


def questions_of(resource: Resource) -> tuple[Question, ...]:
    """One of a guideline, one to each condition and state of a journey, none of anything else."""
    spec = resource.spec
    if resource.kind == "guideline":
        action = spec.get("action") or None
        tools = () if action else tuple(spec.get("tools", ()))
        return (Question(spec["condition"], action, tools),)
    if resource.kind == "journey":
        return (*conditions_of(resource), *states_of(resource).values())
    return ()


def conditions_of(journey: Resource) -> tuple[Question, ...]:
    """In the order of the conditions."""
    return tuple(Question(condition) for condition in journey.spec.get("conditions", ()))


def states_of(journey: Resource) -> dict[str, Question]:
    """By the id of the state in its journey; forks say nothing that could be evaluated."""
    states: list[Mapping[str, JSON]] = journey.spec.get("states", [])
    ways: dict[str, str] = {}
    for state in states:
        for way in state.get("next", ()):
            ways.setdefault(way["to"], way.get("when") or "")
    return {
        state["id"]: Question(
            ways.get(state["id"], ""),
            state.get("chat") or state.get("instruction"),
            tuple(state.get("tools") or ()),
            state=True,
        )
        for state in states
        if state.get("chat") or state.get("tools")
    }


@dataclass(frozen=True, slots=True)
class EvaluationGap:
    """What a guideline on the target lacks of what is known of `question`, or has beside it.

    `key` is the guideline's id there; it is `resource`, or one of a journey's conditions. `before`
    and `after` are the keys of its metadata that are to change; one that is only `before` goes.
    """

    resource: Resource
    question: Question
    key: str
    before: Evaluation
    after: Evaluation


@dataclass(frozen=True, slots=True)
class EvaluationCheck:
    """What is known of a question beside what the target has of it; without a gap all is there."""

    resource: Resource
    question: Question
    gap: EvaluationGap | None


class EvaluationCache:
    """What is known in this process, and what of it is on the target. Used from one event loop."""

    def __init__(self) -> None:
        self.known: dict[str, Evaluation] = {}
        self._placed: set[tuple[Ref, str]] = set()

    def of(self, question: Question) -> Evaluation:
        """Empty as long as nothing is known."""
        return self.known.get(question.key, {}) if self.known else {}

    def metadata_of(self, guideline: Resource) -> Evaluation:
        """What goes along with a guideline: what a person declared of it wins."""
        if not self.known:
            return {}
        declared = guideline.spec.get("metadata", {})
        (question,) = questions_of(guideline)
        return {k: v for k, v in self.of(question).items() if k not in declared}

    def check(
        self, resource: Resource, question: Question, key: str, held: Evaluation
    ) -> EvaluationCheck | None:
        """Compares what is known with the metadata `held` by a guideline with the id `key`.

        None if nothing is known. It notes nothing: that is `note`.
        """
        if question.key not in self.known:
            return None
        declared = resource.spec.get("metadata", {})
        told = {k: v for k, v in self.of(question).items() if k not in declared}
        after = {k: v for k, v in told.items() if k not in held or held[k] != v}
        odd = (EVALUATED & held.keys()) - told.keys() - declared.keys()
        if not after and not odd:
            return EvaluationCheck(resource, question, None)
        before = {k: held[k] for k in sorted({*after, *odd}) if k in held}
        gap = EvaluationGap(resource, question, key, before, dict(sorted(after.items())))
        return EvaluationCheck(resource, question, gap)

    def note(self, checks: Iterable[EvaluationCheck]) -> None:
        """Keeps what was seen of the target: the newest counts."""
        for check in checks:
            place = (check.resource.ref, check.question.key)
            (self._placed.add if check.gap is None else self._placed.discard)(place)

    def place(self, resource: Resource, questions: Iterable[Question] | None = None) -> None:
        """Notes that what is known of these questions (None: of all) is with the resource now."""
        if self.known:
            asked = questions_of(resource) if questions is None else questions
            self._placed.update((resource.ref, q.key) for q in asked if q.key in self.known)

    def unplaced(self, resource: Resource) -> bool:
        """True if something is known of it that may not be on the target yet.

        Of states only once all is known: it takes making their journey again.
        """
        if not self.known:
            return False
        asked = (question for question in questions_of(resource) if not question.state)
        return self.unplaced_states(resource) or any(
            question.key in self.known and not self._is_placed(resource, question)
            for question in asked
        )

    def unplaced_states(self, resource: Resource) -> bool:
        """The same of the states of a journey."""
        asked = [question for question in questions_of(resource) if question.state]
        known = all(question.key in self.known for question in asked)
        return known and not all(self._is_placed(resource, question) for question in asked)

    def _is_placed(self, resource: Resource, question: Question) -> bool:
        return (resource.ref, question.key) in self._placed

    def forget_places(self) -> None:
        """The target began a new life, or somebody else may have changed it."""
        self._placed.clear()
