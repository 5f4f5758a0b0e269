"""Label selectors as kubectl has them: which bots a command, or a daemon, is about.

The grammar is kubectl's. Keys and values may have more characters than there, since labels of
manifests are free: all but white space and those of the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from otto_reconcile.errors import SettingsError

OPTION = "-l"
SHOWN = 10
"""So many names are told of those that do not fit."""
_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_SIGNS = frozenset(("==", "!=", *"=!(),<>"))
_EQUALS = ("=", "==")
_SETS = ("in", "notin")
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


def told_outside(names: Sequence[str], text: str) -> str:
    """A sentence about bots that a daemon with this selector does not look after."""
    what = "1 bot is" if len(names) == 1 else f"{len(names)} bots are"
    some = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return f"{what} outside of `{OPTION} {text}`, which this daemon looks after: {some}"


def parsed(text: str) -> Selector:
    """Raises SettingsError for what is no selector, which says where and what it should be."""
    return Selector(text.strip(), tuple(_Parser(text).requirements()))


class _Token(NamedTuple):
    """A word or sign, and its place in the text from 0; the end has no text."""

    text: str
    at: int

    @property
    def is_word(self) -> bool:
        return bool(self.text) and self.text not in _SIGNS


class _Parser:
    """Reads the text from the left, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        tokens = [_Token(match[1], match.start(1)) for match in _TOKEN.finditer(text)]
        self._tokens = [*tokens, _Token("", len(text.rstrip()))]

    def requirements(self) -> Iterator[Requirement]:
        yield self._requirement()
        while self._next("a comma or the end", ",", "").text:
            yield self._requirement()

    def _requirement(self) -> Requirement:
        if self._skip("!"):
            return Requirement(self._word("a key"), None, negated=True)
        key = self._word("a key or `!`")
        if self._tokens[0].text in (",", ""):
            return Requirement(key, None)
        sign = self._next("a comma, `=`, `==`, `!=`, `in` or `notin`", *_EQUALS, "!=", *_SETS).text
        if sign in _SETS:
            return Requirement(key, self._values(), sign == "notin")
        return Requirement(key, frozenset({self._value()}), sign == "!=")

    def _values(self) -> frozenset[str]:
        self._next("`(`", "(")
        if self._tokens[0].text == ")":
            raise self._refusal("a value")
        values = [self._value()]
        while self._next("a comma or `)`", ",", ")").text == ",":
            values.append(self._value())
        return frozenset(values)

    def _value(self) -> str:
        """A word, or nothing at all: a label may be empty."""
        return self._tokens.pop(0).text if self._tokens[0].is_word else ""

    def _word(self, expected: str) -> str:
        if not self._tokens[0].is_word:
            raise self._refusal(expected)
        return self._tokens.pop(0).text

    def _skip(self, sign: str) -> bool:
        return self._tokens[0].text == sign and bool(self._tokens.pop(0))

    def _next(self, expected: str, *allowed: str) -> _Token:
        if self._tokens[0].text not in allowed:
            raise self._refusal(expected)
        return self._tokens.pop(0)

    def _refusal(self, expected: str) -> SettingsError:
        there, at = self._tokens[0]
        what = f"`{there}`" if there else "nothing more"
        return SettingsError(
            f"{OPTION} {self._text!r} is no selector of labels: at character {at + 1} there is"
            f" {what}, where {expected} should be",
            hint=_HINT,
        )
