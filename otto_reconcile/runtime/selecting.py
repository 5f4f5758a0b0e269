"""Label selectors as kubectl has them: which bots a command, or a daemon, is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from otto_reconcile.errors import SettingsError

OPTION = "-l"
_KEY = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?"
_SET = re.compile(rf"(?P<key>{_KEY})\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUAL = re.compile(rf"(?P<key>{_KEY})\s*(?P<sign>==|=|!=)\s*(?P<value>[^,()=!]*)")
_EXISTS = re.compile(rf"(?P<no>!?)\s*(?P<key>{_KEY})")
_PARTS = re.compile(r"(?:[^,()]|\([^()]*\))+")
_HINT = "write key=value, key!=value, 'key in (a,b)', 'key notin (a,b)', key or '!key', with commas"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of `values` is, or with `negated` is not, the label `key`; None: any value will do."""

    key: str
    values: frozenset[str] | None
    negated: bool = False

    def fits(self, labels: Mapping[str, str]) -> bool:
        if self.values is None:
            return (self.key in labels) is not self.negated
        return (labels.get(self.key) in self.values) is not self.negated


@dataclass(frozen=True, slots=True)
class Selector:
    """What has labels that fit every requirement; `text` is how it was written."""

    text: str
    requirements: tuple[Requirement, ...]

    def fits(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.fits(labels) for requirement in self.requirements)


def parsed(text: str) -> Selector:
    """Raises SettingsError for what is no selector."""
    return Selector(text.strip(), tuple(_requirements(text)))


def _requirements(text: str) -> Iterator[Requirement]:
    words = _PARTS.findall(text)
    if ",".join(words) != text or not text.strip():
        raise SettingsError(f"{OPTION} {text!r} is no selector of labels", hint=_HINT)
    for word in words:
        yield _requirement(word.strip())


def _requirement(word: str) -> Requirement:
    if match := _SET.fullmatch(word):
        values = frozenset(value.strip() for value in match["values"].split(","))
        return Requirement(match["key"], values, match["word"] == "notin")
    if match := _EQUAL.fullmatch(word):
        value = frozenset({match["value"].strip()})
        return Requirement(match["key"], value, match["sign"] == "!=")
    if match := _EXISTS.fullmatch(word):
        return Requirement(match["key"], None, bool(match["no"]))
    raise SettingsError(f"{OPTION} {word!r} is no selector of labels", hint=_HINT)
