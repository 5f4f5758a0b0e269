"""Bots, and what they share, to manifests that load to the same. Called by `export`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from yaml.representer import SafeRepresenter

from otto_reconcile.manifest.bot_forms import API_VERSION
from otto_reconcile.manifest.contents import canned_name
from otto_reconcile.manifest.drafts import PART_FORMS
from otto_reconcile.manifest.ids import is_short, shortened
from otto_reconcile.manifest.interpolation import escape
from otto_reconcile.manifest.journeys import bound, scoped, written_states
from otto_reconcile.manifest.policies import policies_of
from otto_reconcile.manifest.references import Index, written
from otto_reconcile.manifest.secrets import pointer_part
from otto_reconcile.manifest.yaml_scalars import resolve
from otto_reconcile.model import JSON, Bot
from otto_reconcile.model.former import former_ids
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.shared import GROUPS as SHARED_GROUPS
from otto_reconcile.model.shared import Declaration, SharedDocument, SharedToolService, compose
from otto_reconcile.runtime.escaping import escaped, steers

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,;'()/_?!$+-]*")
_OLD_WORDS = re.compile(r"(y|n|yes|no|on|off|true|false|null)", re.IGNORECASE)
_UNSAFE = re.compile(
    "[^\x20-\x7e\n\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SPEC = (
    "name", "description", "composition_mode", "max_engine_iterations", "message_output_mode",
    "tags",
)  # fmt: skip
_WIDE = 1_000_000
_PLAIN_DATA: Any = SafeRepresenter()


class AsWritten(str):
    """Text that is written as it is: its `${VAR}` are meant."""

    __slots__ = ()


class _OneLine(dict[str, JSON]):
    """A mapping that is written on one line."""


def dump(declarations: Iterable[Declaration]) -> str:
    """One YAML document for each bot or shared document, in the given order.

    `suspended` is not written.
    """
    declarations = list(declarations)
    shared = [declaration for declaration in declarations if not isinstance(declaration, Bot)]
    index = _index(
        compose(declaration, shared) for declaration in declarations if isinstance(declaration, Bot)
    )
    return "---\n".join(written_out(_written(one, index)) for one in declarations)


def written_out(document: Mapping[str, JSON]) -> str:
    """One document as YAML; texts in it are escaped but for those that are a AsWritten."""
    node = _node(document)
    text = yaml.serialize(node, Dumper=yaml.SafeDumper, allow_unicode=True, width=_WIDE)
    return escaped(str(text))


def _written(declaration: Declaration, index: Index) -> dict[str, JSON]:
    document = (
        _document(declaration, index) if isinstance(declaration, Bot) else _shared(declaration)
    )
    return {"apiVersion": API_VERSION, **document}


def _index(bots: Iterable[Bot]) -> Index:
    index = Index()
    for bot in bots:
        index.known["agent"].setdefault(bot.id, bot.id)
        for kind, items in (("guideline", bot.guidelines), ("journey", bot.journeys)):
            for item in items:
                index.known[kind].setdefault(item.id, bot.id)
    return index


def _document(bot: Bot, index: Index) -> dict[str, JSON]:
    metadata = _metadata(bot)
    spec: dict[str, JSON] = {
        name: _text(bot, name, value) for name in _SPEC if (value := getattr(bot, name)) is not None
    }
    scopes = scoped(bot)
    inner = [bound(name, journey) for journey, names in scopes.items() for name in names]
    first = ("guidelines", "journeys", "terms")
    for group in first:
        _add_parts(spec, bot, group)
    _put_inside(spec, bot, scopes)
    if relationships := [r for r in bot.relationships if r not in inner]:
        spec["relationships"] = [
            _OneLine(
                kind=relationship.kind,
                source=written(relationship.source, bot.id, index),
                target=written(relationship.target, bot.id, index),
                **({"group": relationship.group} if relationship.group else {}),
            )
            for relationship in relationships
        ]
    for group in PART_FORMS:
        if group not in first:
            _add_parts(spec, bot, group)
    if bot.tool_services:
        spec["tool_services"] = [
            _text(bot, f"tool_services/{service.name}", service.model_dump(exclude_none=True))
            for service in bot.tool_services
        ]
    return {"kind": "Bot", "metadata": metadata, "spec": spec}


def _shared(document: SharedDocument) -> dict[str, JSON]:
    envelope: dict[str, JSON] = {"kind": document.kind, "metadata": _metadata(document)}
    if isinstance(document, SharedToolService):
        fields = document.service.model_dump(exclude={"name"}, exclude_none=True)
        spec = {name: _text(document, name, value) for name, value in fields.items()}
        return {**envelope, "spec": spec}
    spec = {"used_by": document.used_by.model_dump(exclude_defaults=True)}
    for group in SHARED_GROUPS:
        spec[group] = [
            _text(document, f"{group}/{pointer_part(p.id)}", p.model_dump(exclude_none=True))
            for p in getattr(document, group)
        ]
    return {**envelope, "spec": {name: value for name, value in spec.items() if value}}


def _metadata(declaration: Declaration) -> dict[str, JSON]:
    metadata: dict[str, JSON] = {"id" if is_short(declaration.id) else "exact_id": declaration.id}
    metadata |= {"labels": declaration.labels} if declaration.labels else {}
    policies, others = policies_of(declaration)
    return metadata | policies | ({"annotations": others} if others else {})


def _add_parts(spec: dict[str, JSON], bot: Bot, group: str) -> None:
    if items := getattr(bot, group):
        spec[group] = [_part(bot, group, item) for item in items]


def _put_inside(spec: dict[str, JSON], bot: Bot, scopes: Mapping[str, list[str]]) -> None:
    """Moves the guidelines of journeys, which are at the end, into them."""
    parts = dict(zip((g.id for g in bot.guidelines), spec.get("guidelines", ()), strict=True))
    for journey, part in zip(bot.journeys, spec.get("journeys", ()), strict=True):
        if names := scopes.get(journey.id):
            part["guidelines"] = [parts.pop(name) for name in names]
        if journey.states is not None:
            part["states"] = written_states(bot, journey)
    if "guidelines" in spec:
        spec["guidelines"] = list(parts.values())
        if not parts:
            del spec["guidelines"]


def _part(bot: Bot, group: str, item: Any) -> dict[str, JSON]:
    part: dict[str, JSON] = {}
    if GROUPS[group].model.complete:
        part["id"] = item.id
    elif not GROUPS[group].is_written_whole:
        short = shortened(bot.id, item.id)
        part = {"exact_id": item.id} if short is None else {"id": short}
        if former := former_ids(bot).get((GROUPS[group].kind, item.id)):
            part["renamedFrom"] = former
    for name, value in item.model_dump(exclude={"id", "states"}, exclude_none=True).items():
        part[name] = _text(bot, f"{group}/{pointer_part(item.id)}/{name}", value)
    if "canned_responses" in part:
        part["canned_responses"] = [canned_name(bot, named) for named in item.canned_responses]
    return part


def _text(bot: Declaration, path: str, value: JSON) -> JSON:
    """The value with the templates of its masked texts in their places."""
    if isinstance(value, dict):
        return {k: _text(bot, f"{path}/{pointer_part(k)}", item) for k, item in value.items()}
    if isinstance(value, list):
        return [_text(bot, f"{path}/{number}", item) for number, item in enumerate(value)]
    return AsWritten(bot.masked[path].template) if path in bot.masked else value


def _node(value: JSON) -> yaml.Node:
    if isinstance(value, Mapping):
        pairs: Any = [(_scalar(AsWritten(k)), _node(item)) for k, item in value.items()]
        flow = isinstance(value, _OneLine) or not pairs
        return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=flow)
    if isinstance(value, list | tuple):
        items: Any = [_node(item) for item in value]
        return yaml.SequenceNode("tag:yaml.org,2002:seq", items, flow_style=not items)
    return _scalar(value)


def _scalar(value: JSON) -> yaml.ScalarNode:
    if not isinstance(value, str):
        node: yaml.ScalarNode = _PLAIN_DATA.represent_data(value)
        return node
    text = str(value) if isinstance(value, AsWritten) else escape(value)
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    """Plain where every reader takes it for text, a block where it has lines, else in quotes."""
    if steers(text):
        return '"'
    if _PLAIN.fullmatch(text) and not text.endswith(" ") and isinstance(resolve(text), str):
        old = _OLD_WORDS.fullmatch(text) or text[0].isdigit()
        if not old and ": " not in text and " #" not in text:
            return None
    if text and text == text.strip() and "\n" not in text and not _UNSAFE.search(text):
        return "'" if '"' in text or not text.isascii() else '"'
    lines = text.split("\n")
    tidy = all(line == line.rstrip() for line in lines) and not text[:1].isspace()
    if len(lines) > 1 and tidy and not text.endswith("\n\n") and not _UNSAFE.search(text):
        return "|"
    return '"'
