"""Kind `relationship`: how two things bear on each other. Its key is `kind:source->target`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, Kind, Means, make, register
from otto_reconcile.model.resource import JSON, Ref, Resource

FIELDS = (
    Field("kind", change=Means.REPLACE),
    Field("source", change=Means.REPLACE),
    Field("target", change=Means.REPLACE),
    Field("group", change=Means.REPLACE),
)
ANY = "dependency_any"


def key_of(kind: str, source: str, target: str) -> str:
    """The natural key, by which relationships are matched: a target gives them ids of its own."""
    return f"{kind}:{source}->{target}"


def expand(bot: Bot) -> Iterable[Resource]:
    for relationship in bot.relationships:
        key = key_of(relationship.kind, relationship.source, relationship.target)
        group = (relationship.group or "") if relationship.kind == ANY else None
        yield make("relationship", key, bot.id, {**relationship.model_dump(), "group": group})


def needs(resource: Resource) -> Iterable[Ref]:
    for side in ("source", "target"):
        kind, _, name = str(resource.spec[side]).partition(":")
        if kind != "tool":
            yield Ref("tag" if kind == "any" else kind, name)


def is_of_host(spec: Mapping[str, JSON]) -> bool:
    """True for what only the process that hosts Parlant can make."""
    return spec["kind"] == ANY or str(spec["target"]).startswith("any:")


def whole(end: str) -> str:
    """The tag itself, where the end is any of what has it: Parlant keeps one of the two."""
    return f"tag:{end.removeprefix('any:')}" if end.startswith("any:") else end


def of_all(relationship: Resource) -> tuple[str, str, str]:
    """Kind and ends, with `tag:` where it is any of what has the tag."""
    spec = relationship.spec
    return str(spec["kind"]), str(spec["source"]), whole(str(spec["target"]))


def told_by_key(key: str) -> Mapping[str, JSON]:
    kind, _, ends = key.partition(":")
    source, _, target = ends.partition("->")
    return {"kind": kind, "source": source, "target": target}


KIND = register(Kind("relationship", 60, FIELDS, expand, needs, told_by_key=told_by_key))
