"""Otto's specification: the JSON in which bots were described before, to a Bot.

Called by `apply -f bot.json` with a text, and by Otto's chat tools with plain data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest.ids import LONGEST, complete, derived, slug
from otto_reconcile.manifest.json_text import read_json
from otto_reconcile.manifest.model import ShortId
from otto_reconcile.manifest.nodes import (
    Entry,
    Faults,
    Node,
    Path,
    Unreadable,
    check_characters,
    find,
)
from otto_reconcile.manifest.references import cycles
from otto_reconcile.manifest.wording import near, short
from otto_reconcile.manifest.wording import validate as check
from otto_reconcile.resources import JSON, Bot, Guideline, Journey, Relationship
from otto_reconcile.resources.bot import CompositionMode, Criticality, Name, Text

LINES = (
    "purpose", "scope", "target_users", "use_cases", "tone", "personality", "tools",
    "constraints", "guardrails",
)  # fmt: skip
"""The fields that become a line each of the bot's description, in this order."""
_MARKS = {"apiVersion", "metadata", "spec"}


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _tool_text(value: Any) -> Any:
    """A tool is a wish in words here: its name and what it is to do."""
    if not isinstance(value, dict):
        return value
    name, about = value.get("name"), value.get("description")
    parts = [part for part in (name, about) if isinstance(part, str) and part]
    return ": ".join(parts) if parts else value


Words = Annotated[list[Text], BeforeValidator(_as_list)]
ToolWords = Annotated[list[Annotated[Text, BeforeValidator(_tool_text)]], BeforeValidator(_as_list)]
Mode = Annotated[CompositionMode, BeforeValidator(_lower)]
Side = Annotated[Literal["guideline", "journey"], BeforeValidator(_lower)]
Bearing = Annotated[
    Literal["entailment", "priority", "dependency", "disambiguation"], BeforeValidator(_lower)
]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Guideline(_Form):
    condition: Text = Field(description="when the guideline applies")
    action: str | None = None
    description: str | None = None
    criticality: Annotated[Criticality, BeforeValidator(_lower)] | None = None
    key: Text | None = None
    tools: list[Text] | None = None


class _Journey(_Form):
    title: Name
    description: str = Field(description="what happens on the way")
    conditions: list[Text] = Field(description="a list: when the journey starts")
    key: Text | None = None


class _Relationship(_Form):
    type: Bearing
    source: Text = Field(description="a key, a guideline's condition or a journey's title")
    target: Text | None = None
    targets: list[Text] | None = None
    source_kind: Side | None = None
    target_kind: Side | None = None


class _Specification(_Form):
    id: ShortId | None = None
    name: Name
    purpose: Words
    scope: Words
    target_users: Words
    use_cases: Words
    tone: Words
    personality: Words
    tools: ToolWords
    constraints: Words
    guardrails: Words
    guidelines: list[_Guideline]
    journeys: list[_Journey]
    relationships: list[_Relationship] | None = None
    composition_mode: Mode | None = None
    max_engine_iterations: Annotated[int, Field(ge=1)] | None = None


def is_specification(text: str) -> bool:
    """True for a JSON object that is no manifest; broken JSON counts by what it starts with."""
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return False
    try:
        data = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return '"apiVersion"' not in text
    return isinstance(data, dict) and not _MARKS & data.keys()


def parse(text: str, *, file: str) -> Bot:
    """The bot that the text describes. Raises InvalidInput with a Problem for each fault."""
    faults = Faults(file)
    root = _root(text, faults)
    return _finish(root, _plain(root), faults)


def plain_data(text: str, *, file: str) -> JSON:
    """What the JSON text holds, whatever that is. Raises InvalidInput."""
    faults = Faults(file)
    root = _root(text, faults)
    if faults.problems:
        raise InvalidInput(faults.problems)
    return _plain(root)


def _root(text: str, faults: Faults) -> Node:
    """Raises InvalidInput for what is no JSON; lesser faults are left in `faults`."""
    root: Node | None = None
    try:
        check_characters(text.removeprefix("\ufeff"), faults)
        root = read_json(text.removeprefix("\ufeff"), faults)
    except Unreadable:
        pass
    if root is None:
        raise InvalidInput(faults.problems)
    return root


def validate(data: JSON) -> Bot:
    """The bot that plain data describes. Raises InvalidInput.

    Its Problems have no file and line 0; their messages start with a JSON pointer.
    """
    faults = _Pointers()
    return _finish(faults.plant(data, ""), data, faults)


class _Pointers(Faults):
    """Faults of data that came from no text: the pointer to a value takes the place of a line."""

    def __init__(self) -> None:
        super().__init__("")
        self.pointers: dict[int, str] = {}
        self.nodes: list[Node] = []

    def plant(self, data: JSON, pointer: str) -> Node:
        node = Node(None, 0, 0)
        self.nodes.append(node)
        self.pointers[id(node)] = pointer or "/"
        if isinstance(data, dict):
            node.value = {
                str(k): Entry(self.plant(None, f"{pointer}/{k}"), self.plant(v, f"{pointer}/{k}"))
                for k, v in data.items()
            }
        elif isinstance(data, list):
            node.value = [self.plant(v, f"{pointer}/{k}") for k, v in enumerate(data)]
        return node

    def add(self, at: Node, message: str, hint: str | None = None) -> None:
        pointer = self.pointers.get(id(at), "/")
        self.problems.append(Problem("", 0, 0, f"{pointer}: {message}", hint))


def _plain(node: Node) -> JSON:
    if isinstance(node.value, dict):
        return {name: _plain(entry.value) for name, entry in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    return node.value


def _finish(root: Node, data: JSON, faults: Faults) -> Bot:
    form, _ = check(_Specification, data, root, faults)
    if form is None:
        raise InvalidInput(faults.problems)
    bot = _Builder(form, root, faults).build()
    if bot is None or faults.problems:
        raise InvalidInput(faults.problems)
    return bot


Part = TypeVar("Part", _Guideline, _Journey)


class _Builder:
    def __init__(self, form: _Specification, root: Node, faults: Faults) -> None:
        self.form = form
        self.root = root
        self.faults = faults
        self.bot_id = form.id or slug(form.name)[:LONGEST].strip("-")

    def build(self) -> Bot | None:
        if not self.bot_id:
            self.fault(("name",), "no id can be made from this name", "add an `id`")
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
            description=_description(form),
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
            if len(id_) > LONGEST:
                self.fault((group, index), f"its complete id is longer than {LONGEST} characters")
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
        self, path: Path, form: _Relationship, names: list[dict[str, list[str]]]
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
    form: _Specification, guidelines: Sequence[str], journeys: Sequence[str]
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


def _description(form: _Specification) -> str:
    lines = []
    for name in LINES:
        words = [" ".join(item.split()) for item in getattr(form, name)]
        if words:
            lines.append(f"{name.replace('_', ' ').capitalize()}: {'; '.join(words)}")
    return "\n".join(lines)
