"""A bot from the form of a specification: ids, references and relationships. For its reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import ValidationError

from otto_reconcile.manifest.ids import complete, derived, of_bot, slug
from otto_reconcile.manifest.messages import near, short
from otto_reconcile.manifest.references import cycles
from otto_reconcile.manifest.specification.forms import (
    GuidelineForm,
    JourneyForm,
    RelationshipForm,
    SpecificationForm,
    description,
)
from otto_reconcile.manifest.tree import Faults, Node, Path, find
from otto_reconcile.model import Bot, Guideline, Journey, Relationship
from otto_reconcile.model.part import LONGEST_ID

Part = TypeVar("Part", GuidelineForm, JourneyForm)


class Builder:
    """Makes the bot of a form; what is wrong goes to `faults`, at its place in `root`."""

    def __init__(self, form: SpecificationForm, root: Node, faults: Faults) -> None:
        self.form = form
        self.root = root
        self.faults = faults
        self.bot_id = form.id or of_bot(form.name)

    def build(self) -> Bot | None:
        guidelines = self.ids("guidelines", self.form.guidelines, lambda g: g.condition)
        journeys = self.ids("journeys", self.form.journeys, lambda j: j.title)
        relationships = self.relationships(guidelines, journeys)
        if self.faults.problems:
            return None
        try:
            return self.bot(guidelines, journeys, relationships)
        except ValidationError:
            self.fault((), "this bot cannot be kept as it is")
            return None

    def bot(
        self,
        guidelines: Sequence[str],
        journeys: Sequence[str],
        relationships: list[Relationship],
    ) -> Bot:
        form = self.form
        return Bot(
            id=self.bot_id,
            name=form.name,
            description=description(form),
            composition_mode=form.composition_mode,
            max_engine_iterations=form.max_engine_iterations,
            guidelines=[
                Guideline(id=id_, **g.model_dump(exclude={"key"}))
                for id_, g in zip(guidelines, form.guidelines, strict=True)
            ],
            journeys=[
                Journey(id=id_, **j.model_dump(exclude={"key"}))
                for id_, j in zip(journeys, form.journeys, strict=True)
            ],
            relationships=relationships,
        )

    def ids(self, group: str, parts: Sequence[Part], text: Callable[[Part], str]) -> list[str]:
        """The complete id of each part; two that are the same are a fault."""
        found = [
            complete(self.bot_id, (slug(part.key) if part.key else "") or derived(text(part)))
            for part in parts
        ]
        for index, id_ in enumerate(found):
            if len(id_) > LONGEST_ID:
                self.fault(
                    (group, index), f"its complete id is longer than {LONGEST_ID} characters"
                )
            if id_ in found[:index]:
                first = found.index(id_)
                message = f"this is the same as item {first + 1} of `{group}`"
                self.fault((group, index), message, "give each another `key`")
        return found

    def relationships(
        self, guidelines: Sequence[str], journeys: Sequence[str]
    ) -> list[Relationship]:
        names = _names(self.form, guidelines, journeys)
        made: list[Relationship] = []
        places: list[Path] = []
        for index, form in enumerate(self.form.relationships or ()):
            for relationship in self.one(("relationships", index), form, names):
                if relationship in made:
                    self.fault(("relationships", index), "this relationship is there twice")
                    continue
                made.append(relationship)
                places.append(("relationships", index))

        def report(number: int, way: list[str]) -> None:
            message = f"this closes a circle of {made[number].kind} relationships"
            hint = f"{' -> '.join(way)}; remove one of them"
            self.fault(places[number], message, hint)

        cycles(made, report)
        return made

    def one(
        self, path: Path, form: RelationshipForm, names: list[dict[str, list[str]]]
    ) -> list[Relationship]:
        targets = [*([form.target] if form.target else ()), *(form.targets or ())]
        if not targets:
            self.fault(path, "`target` is missing", "write `target`, or `targets` as a list")
        source = self.end((*path, "source"), form.source, form.source_kind, names)
        made = []
        for target_text in targets:
            place = (*path, "target" if form.target == target_text else "targets")
            target = self.end(place, target_text, form.target_kind, names)
            if source is not None and source == target:
                self.fault(place, "the source and the target are the same")
            elif source is not None and target is not None:
                made.append(Relationship(kind=form.type, source=source, target=target))
        return made

    def end(
        self, path: Path, text: str, kind: str | None, names: list[dict[str, list[str]]]
    ) -> str | None:
        """The endpoint of a reference: keys first, then conditions and titles."""
        known: set[str] = set()
        for level in names:
            known |= level.keys()
            found = [e for e in level.get(text, ()) if kind is None or e.startswith(f"{kind}:")]
            if len(found) > 1:
                hint = f"say which with `{str(path[2]).removesuffix('s')}_kind`"
                self.fault(path, f"`{short(text)}` names more than one thing", hint)
                return None
            if found:
                return found[0]
        thing = kind or "guideline or journey"
        hint = near(text, known) or "name it by its key, its condition or its title"
        self.fault(path, f"there is no {thing} `{short(text)}`", hint)
        return None

    def fault(self, path: Path, message: str, hint: str | None = None) -> None:
        self.faults.add(find(self.root, path), message, hint)


def _names(
    form: SpecificationForm, guidelines: Sequence[str], journeys: Sequence[str]
) -> list[dict[str, list[str]]]:
    """What a reference may say, in two levels: keys; conditions and titles."""
    keys: dict[str, list[str]] = {}
    texts: dict[str, list[str]] = {}
    for guideline, id_ in zip(form.guidelines, guidelines, strict=True):
        if guideline.key:
            keys.setdefault(guideline.key, []).append(f"guideline:{id_}")
        texts.setdefault(guideline.condition, []).append(f"guideline:{id_}")
    for journey, id_ in zip(form.journeys, journeys, strict=True):
        if journey.key:
            keys.setdefault(journey.key, []).append(f"journey:{id_}")
        texts.setdefault(journey.title, []).append(f"journey:{id_}")
    return [keys, texts]
