"""`${VAR}` in texts, and nodes to plain data. Called by `loading`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from otto_reconcile.manifest.permits import is_allowed, looks_secret
from otto_reconcile.manifest.tree import Faults, Node, Path
from otto_reconcile.model import JSON, Masked
from otto_reconcile.runtime.escaping import has_login

_VARIABLE = re.compile(
    r"(?P<escape>\$\$\{)"
    r"|\$\{(?P<secret>secret:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<or>:-(?P<default>[^}]*))?\}"
    r"|(?P<wrong>\$\{)"
)


class FromVariable(str):
    """Text that is wholly the value of one variable: fields that take no text read it again."""

    __slots__ = ()


class Unset(NamedTuple):
    """A variable that is not set, and where in its text it stands."""

    name: str
    offset: int


class Data(NamedTuple):
    """A document as plain data, and how each text was made that a secret is part of.

    `guarded` has the variables that may stand only where secrets belong, by their places; `unset`
    has those secrets (or all variables) that are not set, which is no fault yet.
    """

    value: JSON
    secrets: dict[Path, Masked]
    guarded: dict[Path, list[str]]
    unset: dict[Path, list[Unset]]


def to_data(
    root: Node, environ: Mapping[str, str], faults: Faults, *, patient: bool = False
) -> Data:
    """Raises nothing: a variable that is not set is empty, and a fault unless this is `patient`."""
    filler = _Filler(environ, faults, patient)
    return Data(filler.fill(root, ()), filler.secrets, filler.guarded, filler.unset)


def refuse_unset(unset: Unset, node: Node, faults: Faults) -> None:
    hint = f"set it, or give a default: ${{{unset.name}:-text}}"
    message = f"the environment variable {unset.name} is not set"
    faults.add_inside(node, unset.offset, message, hint)


def escape(text: str) -> str:
    """The text as it has to be written to be read as it is."""
    return text.replace("${", "$${")


class _Filler:
    def __init__(self, environ: Mapping[str, str], faults: Faults, patient: bool) -> None:
        self.environ, self.patient = environ, patient
        self.faults = faults
        self.secrets: dict[Path, Masked] = {}
        self.guarded: dict[Path, list[str]] = {}
        self.unset: dict[Path, list[Unset]] = {}

    def fill(self, node: Node, path: Path) -> JSON:
        value = node.value
        if isinstance(value, dict):
            return {name: self.fill(entry.value, (*path, name)) for name, entry in value.items()}
        if isinstance(value, list):
            return [self.fill(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return self.text(value, node, path)
        return value

    def text(self, template: str, node: Node, path: Path) -> str:
        secret: set[str] = set()
        guarded: set[str] = set()
        unset: list[Unset] = []

        def one(match: re.Match[str]) -> str:
            if match["escape"]:
                return "${"
            if match["wrong"]:
                hint = "write ${NAME} or ${NAME:-default}; for a plain ${ write $${"
                self.faults.add_inside(node, match.start(), "`${` starts no variable here", hint)
                return ""
            name = match["name"]
            if "${" in (match["default"] or ""):
                hint = f"write plain text after `:-`, or set {name} where this is read"
                message = "a default cannot hold another variable"
                self.faults.add_inside(node, match.start(), message, hint)
                return ""
            telling = looks_secret(name) or has_login(self.environ.get(name, ""))
            if match["secret"] or telling:
                secret.add(name)
            if telling and not is_allowed(name, self.environ):
                guarded.add(name)
            value = self.value(match, node)
            if value is None:
                unset.append(Unset(name, match.start()))
            return value or ""

        text = _VARIABLE.sub(one, template)
        self.lacks(unset, secret, node, path)
        if secret:
            self.secrets[path] = Masked(template=template, variables=sorted(secret))
            self.guarded[path] = sorted(guarded)
        whole = _VARIABLE.fullmatch(template)
        return FromVariable(text) if whole is not None and whole["name"] else text

    def lacks(self, unset: list[Unset], secret: set[str], node: Node, path: Path) -> None:
        """What is not set is a fault; of a secret `secrets` tells it, if it may stand there."""
        for one in unset:
            if self.patient or one.name in secret:
                self.unset.setdefault(path, []).append(one)
            else:
                refuse_unset(one, node, self.faults)
        node.told |= bool(unset)

    def value(self, match: re.Match[str], node: Node) -> str | None:
        """None if it is not set and has no default."""
        name = match["name"]
        value = self.environ.get(name)
        if match["or"] and not value:
            return str(match["default"])
        return value if value is None else self.checked(name, value, node)

    def checked(self, name: str, value: str, node: Node) -> str:
        try:
            value.encode()
        except UnicodeEncodeError:
            self.faults.add(node, f"the environment variable {name} is not UTF-8 text")
            return ""
        if "\0" in value:
            self.faults.add(node, f"the environment variable {name} holds a NUL character")
            return ""
        return value
