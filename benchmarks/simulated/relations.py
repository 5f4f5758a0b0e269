"""Relationships of a simulated Parlant server: made, listed, shown, and stumbled over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.simulated.kinds import ENDS
from benchmarks.simulated.memory import Absent, Memory, Refused, Row

KINDS = ("entailment", "priority", "dependency", "disambiguation", "overlap", "reevaluation")


class Relations:
    """Those of one server. Each has its ends as pairs: what it is, and its id."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def answer(
        self, method: str, rest: Sequence[str], query: Mapping[str, Sequence[str]], body: Any
    ) -> tuple[int, Any]:
        held = self._memory.relationships
        match (method, *rest):
            case ("GET",):
                return 200, [self.shown(one) for one in self._listed(query)]
            case ("POST",):
                return 201, self.shown(self._create(body))
            case ("GET" | "DELETE", identity) if identity not in held:
                raise Absent(identity)
            case ("GET", identity):
                return 200, self.shown(held[identity])
            case ("DELETE", identity):
                del held[identity]
                return 204, None
        raise Refused(405, "Method Not Allowed")

    def _listed(self, query: Mapping[str, Sequence[str]]) -> list[Row]:
        ends = [
            (what, identity)
            for what in ("guideline", "tag", "tool")
            for identity in query.get(f"{what}_id", ())
        ]
        for what, identity in ends:
            self._memory.end(what, identity)
        kinds = query.get("kind") or KINDS
        return [
            one
            for one in self._memory.relationships.values()
            if one["kind"] in kinds and (not ends or one["source"] in ends or one["target"] in ends)
        ]

    def _create(self, body: Row) -> Row:
        source, target = _end(body, "source"), _end(body, "target")
        if source == target:
            raise Refused(422, "source and target cannot be the same entity")
        for what, identity in (source, target):
            self._memory.end(what, identity)
        content = {"kind": body["kind"], "source": source, "target": target}
        held = self._memory.relationships
        for one in [*held.values()]:
            if {**one, **content} == one:  # it is replaced, with another id
                del held[one["id"]]
        if source in self._reached(target, body["kind"]):
            raise Refused(500)
        one = {"id": self._memory.new_id("relationships", content), **content}
        held[one["id"]] = one
        return one

    def _reached(self, end: tuple[str, str], kind: str, near: str = "source") -> dict[Any, Row]:
        """By end the relationship that leads to it, going from `near` ends to the others."""
        far = "target" if near == "source" else "source"
        found: dict[Any, Row] = {}
        ends = [end]
        while ends:
            at = ends.pop(0)
            for one in self._memory.relationships.values():
                if one["kind"] == kind and one[near] == at and one[far] not in found:
                    found[one[far]] = one
                    ends.append(one[far])
        return found

    def around(self, guideline: str, *, indirect: bool) -> list[Row]:
        """What a guideline shows. Raises Refused where Parlant stumbles over one of them."""
        end = ("guideline", guideline)
        found = [
            one
            for kind in KINDS
            for near in ("source", "target")
            for one in self._reached(end, kind, near).values()
            if indirect or end in (one["source"], one["target"])
        ]
        for one in found:
            for what, identity in (one["source"], one["target"]):
                if what == "tool":
                    raise Refused(500)
                self._memory.read("tags" if what == "tag" else "guidelines", identity)
        return found

    def unbind(self, guideline: Row) -> None:
        """Before its deletion: those to partners that share no tag go, all others stay."""
        end = ("guideline", guideline["id"])
        for one in self.around(guideline["id"], indirect=False):
            what, other = one["target"] if one["source"] == end else one["source"]
            tags = self._memory.end(what, other)["tags"] if what == "guideline" else ()
            if tags and not set(tags) & set(guideline["tags"]):
                self._memory.relationships.pop(one["id"], None)

    def shown(self, one: Row, *, whole: bool = False) -> Row:
        """As it is on the wire; a guideline in it is `whole` only where a guideline is read."""
        shown: Row = {"id": one["id"], "kind": one["kind"], **dict.fromkeys(ENDS)}
        for side in ("source", "target"):
            what, identity = one[side]
            end = self._memory.end(what, identity)
            if what == "guideline" and not whole:
                end = {**end, "criticality": "medium", "composition_mode": None, "labels": []}
            shown[f"{side}_{what}"] = end
        return shown


def _end(body: Row, side: str) -> tuple[str, str]:
    for what in ("guideline", "tag", "tool"):
        if value := body.get(f"{side}_{what}"):
            named = f"{value['service_name']}:{value['tool_name']}" if what == "tool" else value
            return what, named
    raise Refused(422, f"{side} is missing")
