"""Faults of manifests as code hosts show them beside a line: SARIF, GitHub commands, GitLab JSON.

Pure; `cli.checking` calls it. A file is named by its path from the root of the repository.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from urllib.parse import quote

from otto_reconcile.errors import Problem
from otto_reconcile.model import JSON
from otto_reconcile.runtime.escaping import without_logins

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"


class Level(StrEnum):
    """How bad it is, in the words of SARIF."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one sort of finding means; `name` is for programs, `title` and `advice` for people."""

    name: str
    level: Level
    title: str
    advice: str


INVALID = Rule(
    "invalid-manifest",
    Level.ERROR,
    "This is no valid manifest",
    "Nothing is imported from a folder with an invalid manifest; the last good state stays.",
)
DOUBTFUL = Rule(
    "doubtful-manifest",
    Level.WARNING,
    "This is most likely not what is meant",
    "It is valid, and imported as it is written.",
)
FOREIGN = Rule(
    "no-manifest",
    Level.NOTE,
    "This file is no manifest",
    "It is left out. Name it in .ottoignore, and nothing is said of it.",
)
RULES = (INVALID, DOUBTFUL, FOREIGN)

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_SEVERITIES = {Level.ERROR: "major", Level.WARNING: "minor", Level.NOTE: "info"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, and what sort of fault it is."""

    rule: Rule
    problem: Problem

    @property
    def text(self) -> str:
        """What is wrong and what to do, without the place."""
        problem = self.problem
        hint = f" ({problem.hint})" if problem.hint else ""
        return str(without_logins(f"{problem.message}{hint}"))


def sarif(findings: Sequence[Finding], version: str) -> dict[str, JSON]:
    """One run in the form of SARIF 2.1.0."""
    driver = {
        "name": "otto-reconcile",
        "version": version,
        "rules": [_rule(rule) for rule in RULES],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding) for finding in findings],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, JSON]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. {rule.advice}"},
        "help": {"text": rule.advice},
        "defaultConfiguration": {"level": str(rule.level)},
    }


def _result(finding: Finding) -> dict[str, JSON]:
    line, column = _place(finding.problem)
    place = {
        "artifactLocation": _artifact(finding.problem.file),
        "region": {"startLine": line, "startColumn": column},
    }
    return {
        "ruleId": finding.rule.name,
        "ruleIndex": RULES.index(finding.rule),
        "level": str(finding.rule.level),
        "message": {"text": finding.text},
        "locations": [{"physicalLocation": place}],
    }


def _artifact(file: str) -> dict[str, JSON]:
    if PurePath(file).is_absolute():
        return {"uri": f"file://{_quoted(file)}"}
    return {"uri": _quoted(file), "uriBaseId": _ROOT}


def _quoted(file: str) -> str:
    """As it stands in a URL; a colon in the first part would make a scheme of it."""
    return quote(file.encode("utf-8", "surrogateescape"))


def github(findings: Sequence[Finding]) -> Iterator[str]:
    """A workflow command to each, one line each."""
    for finding in findings:
        line, column = _place(finding.problem)
        places = {"file": finding.problem.file, "line": line, "col": column}
        named = {**places, "title": finding.rule.title}
        told = ",".join(f"{name}={_property(str(value))}" for name, value in named.items())
        yield f"::{_COMMANDS[finding.rule.level]} {told}::{_data(finding.text)}"


def _data(text: str) -> str:
    """A line end would end the command, and begin another one."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def gitlab(findings: Sequence[Finding]) -> list[JSON]:
    """The report that GitLab takes as `artifacts:reports:codequality`.

    A finding keeps its fingerprint while lines move above it.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    listed: list[JSON] = []
    for finding in findings:
        told = (finding.rule.name, finding.problem.file, finding.text)
        seen[told] += 1
        print_of = "\0".join((*told, str(seen[told]))).encode("utf-8", "surrogateescape")
        listed.append(
            {
                "description": finding.text,
                "check_name": finding.rule.name,
                "fingerprint": hashlib.sha256(print_of).hexdigest(),
                "severity": _SEVERITIES[finding.rule.level],
                "location": {
                    "path": finding.problem.file,
                    "lines": {"begin": _place(finding.problem)[0]},
                },
            }
        )
    return listed


def _place(problem: Problem) -> tuple[int, int]:
    """Line and column, from 1; the first of a file of which no place is known."""
    return max(1, problem.line), max(1, problem.column)
