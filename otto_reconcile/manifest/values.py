"""`${values.NAME}` in texts: what an environment puts there, before variables are filled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from otto_reconcile.manifest.interpolation import FromVariable
from otto_reconcile.manifest.messages import near
from otto_reconcile.manifest.tree import Entry, Faults, Node

NAME = "[A-Za-z_][A-Za-z0-9_-]*?"
_USE = re.compile(
    r"(?P<escape>\$\$\{)"
    rf"|\$\{{values\.(?P<name>{NAME})(?P<or>:-(?P<default>[^}}]*))?\}}"
)
_MARK = "${values."


@dataclass(slots=True)
class Values:
    """The values of an environment as they are written, and the place of each.

    A place is `file:line:column`. `used` are those that a text names.
    """

    environment: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def fill(self, node: Node, faults: Faults) -> Node:
        """The node with the values in all texts below it; a value that is not there is a fault."""
        value = node.value
        if isinstance(value, dict):
            filled = {key: Entry(e.key, self.fill(e.value, faults)) for key, e in value.items()}
            if all(filled[key].value is value[key].value for key in value):
                return node
            return replace(node, value=filled)
        if isinstance(value, list):
            items = [self.fill(item, faults) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return node if same else replace(node, value=items)
        if isinstance(value, str) and _MARK in value:
            return self._text(value, node, faults)
        return node

    def _text(self, text: str, node: Node, faults: Faults) -> Node:
        def one(match: re.Match[str]) -> str:
            if match["escape"]:
                return match[0]
            name = match["name"]
            self.used.add(name)
            if "${" in (match["default"] or ""):
                message = "a default cannot hold another variable"
                faults.add_inside(node, match.start(), message, "write plain text after `:-`")
                return ""
            found: str | None = self.texts.get(name, match["default"])
            if found is None:
                faults.add_inside(node, match.start(), *self._unknown(name))
                told.append(name)
            if name in self.places:
                places.append(self.places[name])
            return found or ""

        told: list[str] = []
        places: list[str] = []
        whole = _USE.fullmatch(text)
        filled = _USE.sub(one, text)
        if whole is not None and whole["name"]:
            filled = FromVariable(filled)
        known = tuple(dict.fromkeys(places))
        return replace(node, value=filled, told=node.told or bool(told), values_at=known)

    def _unknown(self, name: str) -> tuple[str, str]:
        default = f"${{values.{name}:-text}}"
        if self.environment is None:
            message = f"the value `{name}` is not known without an environment"
            return message, f"choose one with --env (OTTO_ENV), or give a default: {default}"
        message = f"the environment `{self.environment}` has no value `{name}`"
        hint = f"set it under `values` of an overlay, or give a default: {default}"
        return message, near(name, self.texts) or hint
