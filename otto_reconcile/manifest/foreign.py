"""Tells a manifest, also one with faults, from what other programs keep in YAML and JSON."""

from __future__ import annotations

from collections.abc import Sequence

from otto_reconcile.errors import Problem
from otto_reconcile.manifest.bot_forms import API_VERSION
from otto_reconcile.manifest.messages import describe, short
from otto_reconcile.manifest.shared_forms import FORMS
from otto_reconcile.manifest.tree import Faults, Node, child

MARK = "otto/v"
"""Stands in every text that means to be a manifest, whatever else may be wrong with it."""
START = f"a manifest has `apiVersion: {API_VERSION}`, `kind`, `metadata` and `spec`"
OVERLAY = "Overlay"
_GROUP = API_VERSION.split("/")[0]
_ENVELOPE = ("metadata", "spec")
_HINT = "name it in .ottoignore, and nothing is said of it"


def means_to_be_one(root: Node) -> bool:
    """True for a document that is a manifest, or was to be one and has faults."""
    keys = root.value
    if not isinstance(keys, dict):
        return False
    version, kind = child(root, "apiVersion"), child(root, "kind")
    if version is not None:
        said = version.value
        return _is_ours(kind) or not isinstance(said, str) or said.split("/")[0] == _GROUP
    return _is_ours(kind) or all(name in keys for name in _ENVELOPE) or is_specification(root)


def is_overlay(root: Node) -> bool:
    """True for a manifest that changes others in an environment, and is none of a bot."""
    kind = child(root, "kind")
    return kind is not None and kind.value == OVERLAY and means_to_be_one(root)


def is_specification(root: Node) -> bool:
    """True for one of Otto's specifications, which `apply -f` takes."""
    keys = root.value if isinstance(root.value, dict) else {}
    return "apiVersion" not in keys and "purpose" in keys and "guardrails" in keys


def is_schema(root: Node) -> bool:
    """True for a JSON Schema, such as that of manifests which `init` writes for editors."""
    form = child(root, "$schema")
    return form is not None and "//json-schema.org/" in str(form.value)


def is_foreign(text: str, roots: Sequence[Node], faults: Faults) -> bool:
    """True for a file of which no document, read or not, was to be a manifest."""
    if roots and all(is_schema(root) for root in roots):  # ours has all words of a manifest
        return True
    if MARK in text or any(means_to_be_one(root) for root in roots):
        return False
    return bool(roots or faults.problems)


def told(name: str, roots: Sequence[Node], faults: Faults, *, found: bool) -> list[Problem]:
    """The one line about such a file, if it was `found` in a folder; else all that is wrong."""
    if faults.problems:
        return [left_out(min(faults.problems))] if found else faults.problems
    at, hint = roots[0], _HINT if found else START
    return [Problem(name, at.line, at.column, f"this is no manifest: {why(at)}", hint)]


def left_out(fault: Problem) -> Problem:
    """The line about a file of which this is the first fault."""
    message = f"this is no manifest: {fault.message}"
    return Problem(fault.file, fault.line, fault.column, message, _HINT)


def why(root: Node) -> str:
    """Why a document is no manifest."""
    if isinstance(root.value, list):
        return "it is a list without a manifest" if root.value else "it is an empty list"
    if not isinstance(root.value, dict):
        return f"it is {describe(root.value)}"
    if is_schema(root):
        return "it is a JSON Schema"
    version = child(root, "apiVersion")
    if version is not None and isinstance(version.value, str):
        return f"its `apiVersion` is `{short(version.value)}`, not `{API_VERSION}`"
    return f"it has no `apiVersion: {API_VERSION}`"


def _is_ours(kind: Node | None) -> bool:
    return kind is not None and isinstance(kind.value, str) and kind.value in FORMS
