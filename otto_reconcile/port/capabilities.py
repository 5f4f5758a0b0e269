"""What a target's API can do, read from its OpenAPI description: `releases` asks, adapters obey.

A description with a form that is not known here is refused as a whole, before anything is changed:
a call or field that is missing, or one that would have to be sent and that nobody here knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from otto_reconcile.model import get_kind

CONDITIONS = "conditions"
STARTS = (CONDITIONS, "triggers")
"""What starts a journey, by its names in the API: of Parlant up to 3.3, and of the one after it."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`starts` are the names under which a journey's conditions are sent: one, or both where the
    description is not shown (Parlant ignores the one that it does not know). `lacks` are the
    fields, as (kind, field), that it would ignore in silence."""

    starts: tuple[str, ...] = STARTS
    lacks: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Use:
    """How a kind is made and changed: only what is `optional` may be lacking."""

    path: str
    needed: frozenset[str]
    optional: frozenset[str] = frozenset()
    by_id: str = "id"


def _use(path: str, needed: str, optional: str = "") -> _Use:
    return _Use(path, frozenset(needed.split()), frozenset(optional.split()))


_USES: Mapping[str, _Use] = {
    "agent": _use(
        "/agents", "id name", "description composition_mode max_engine_iterations"
        " message_output_mode tags",
    ),
    "guideline": _use(
        "/guidelines", "id condition tags", "action description criticality composition_mode"
        " enabled priority track labels metadata tool_associations",
    ),
    "journey": _use(
        "/journeys", "id title description tags", "labels priority composition_mode"
    ),
    "term": _use("/terms", "id name description tags", "synonyms"),
    "canned_response": _use(
        "/canned_responses", "value tags fields metadata", "signals field_dependencies"
    ),
    "variable": _use(
        "/context-variables", "name tags", "description tool_id freshness_rules"
    ),
    "capability": _use("/capabilities", "title description tags", "signals"),
    "customer": _use("/customers", "id name metadata"),
    "tag": _use("/tags", "name"),
    "relationship": _use(
        "/relationships", "kind source_guideline target_guideline source_tag target_tag",
        "source_tool target_tool",
    ),
}  # fmt: skip
_OURS = {"tool_associations": "tools", "tool_id": "tool"}
_OTHER_CALLS = (
    "get /healthz", "get /services", "get /services/*", "put /services/*", "delete /services/*",
    "get /journeys/*/mermaid", "get /context-variables/*", "put /context-variables/*/*",
    "delete /context-variables/*/*",
)  # fmt: skip


class UnknownForm(ValueError):
    """The API has a form that is not known here; the text says what is other than expected."""


def read(description: Mapping[str, Any]) -> Capabilities | None:
    """None for a description that tells no calls. Raises UnknownForm."""
    if not description.get("paths"):
        return None
    api = _Api(description)
    faults = list(api.missing(_OTHER_CALLS))
    lacks: set[tuple[str, str]] = set()
    starts = [name for name in STARTS if name in api.sent("post /journeys")]
    for kind, use in _USES.items():
        faults += api.missing_of(use)
        known = use.needed | use.optional | ({*starts} if kind == "journey" else set())
        create, change = api.sent(f"post {use.path}"), api.sent(f"patch {use.path}/*")
        if not create:
            continue  # no such call: said already
        faults += [f"{kind}: no {name}" for name in sorted(use.needed - create)]
        required = api.required(f"post {use.path}") - known
        faults += [f"{kind}: unknown `{name}` is required" for name in sorted(required)]
        fields = get_kind(kind).by_name
        gone = use.optional - create - change
        lacks |= {(kind, _OURS.get(n, n)) for n in gone if _OURS.get(n, n) in fields}
    if api.sent("post /journeys") and not starts:
        faults.append(f"journey: neither {' nor '.join(STARTS)}")
    if faults:
        raise UnknownForm("; ".join(faults))
    return Capabilities(tuple(starts), frozenset(lacks))


class _Api:
    """The calls of a description by `method /path`, with `*` for what varies in a path."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._schemas = description.get("components", {}).get("schemas", {})
        self._calls = {
            f"{method.lower()} {_plain(path)}": call
            for path, methods in description["paths"].items()
            for method, call in methods.items()
        }

    def missing(self, calls: Iterable[str]) -> Iterator[str]:
        """Those that are not there, in words."""
        for call in calls:
            if call not in self._calls:
                method, _, path = call.partition(" ")
                yield f"no {method.upper()} {path}"

    def missing_of(self, use: _Use) -> Iterator[str]:
        changing = () if use.path == "/relationships" else (f"patch {use.path}/*",)
        several = (f"get {use.path}", f"post {use.path}", f"delete {use.path}/*")
        return self.missing((*several, *changing))

    def sent(self, call: str) -> set[str]:
        """The fields that a call takes; none if there is no such call."""
        return set(self._body(call).get("properties", {}))

    def required(self, call: str) -> set[str]:
        return set(self._body(call).get("required", ()))

    def _body(self, call: str) -> Mapping[str, Any]:
        content = self._calls.get(call, {}).get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        return self._resolved(schema)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" in schema:
            found: Mapping[str, Any] = self._schemas.get(schema["$ref"].rpartition("/")[2], {})
            return found
        several = next((schema[n] for n in ("allOf", "anyOf", "oneOf") if n in schema), ())
        return next((r for s in several if (r := self._resolved(s)).get("properties")), schema)


def _plain(path: str) -> str:
    return "/".join("*" if part.startswith("{") else part for part in path.rstrip("/").split("/"))
