"""Resources back to the bot that expands to them: `adopting` uses it. The inverse of `expand`.

A kind needs nothing for it where a group of the bot's parts is of it (`groups`), and the fields of
a part are those of the kind.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pydantic import BaseModel, ValidationError

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.groups import BY_KIND, Group
from otto_reconcile.model.kinds import get_kind
from otto_reconcile.model.resource import JSON, Ref, Resource, Snapshot

_IDENTITIES = ("id", "name")
"""What holds a part's key where none of its kind's fields does."""


class Misfit(ValueError):
    """A resource that no bot can have as it is; the text says why."""


def part_of(resource: Resource) -> Mapping[str, JSON]:
    """The part of a bot that expands to this, in full: every field that a target shows of it.

    Raises Misfit.
    """
    model = _group_of(resource.kind).model
    values = _values(model, resource)
    told = get_kind(resource.kind).by_name
    if identity := next((n for n in _IDENTITIES if n in model.model_fields and n not in told), ""):
        values[identity] = resource.key
    _validate(model, values)
    return values


def bot_of(bot_id: str, parts: Snapshot) -> Bot:
    """The bot of these parts, the agent among them. Raises Misfit if it cannot be one of ours."""
    document: dict[str, JSON] = {**_values(Bot, parts[Ref("agent", bot_id)]), "id": bot_id}
    for resource in sorted(parts.values(), key=lambda r: r.ref):
        if resource.kind != "agent":
            group = _group_of(resource.kind).name
            document.setdefault(group, []).append(part_of(resource))
    _validate(Bot, document)
    return Bot.from_document(document)


def _group_of(kind: str) -> Group:
    """The field of a bot that has the parts of this kind, and what they are."""
    if kind not in BY_KIND:
        raise Misfit(f"a manifest has no place for a {kind}")
    return BY_KIND[kind]


def _values(model: type[BaseModel], resource: Resource) -> dict[str, JSON]:
    fields = get_kind(resource.kind).by_name
    found = {}
    for name in model.model_fields.keys() & fields.keys() - resource.unseen:
        field = fields[name]
        value = resource.spec.get(name, field.default)
        if field.veiled and value == field.default:  # no target shows that there is nothing
            continue
        value = field.empty if value is None else value
        found[name] = _listed(value) if name == "tags" else value
    return {name: value for name, value in sorted(found.items()) if value is not None}


def _listed(tags: JSON) -> JSON:
    """A customer's tags are a mapping, since others give them tags too."""
    return sorted(tags) if isinstance(tags, Mapping) else tags


def _validate(model: type[BaseModel], values: Mapping[str, JSON]) -> None:
    try:
        model.model_validate(values)
    except ValidationError as error:
        raise Misfit(_reason(error, model.model_fields.keys())) from error


def _reason(error: ValidationError, names: Collection[str]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = next((str(part) for part in first["loc"] if part in names), "it")
    said = {
        "string_too_long": "is too long",
        "string_too_short": "is empty",
        "blank": "is empty",
        "string_pattern_mismatch": "has characters that an address cannot have",
        "missing": "is missing",
    }
    return f"its {name} {said.get(first['type'], 'is none that a manifest can have')}"
