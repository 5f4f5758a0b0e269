"""What code hosts are told of faults: valid in their forms, whatever stands in names and texts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from otto_reconcile.errors import Problem
from otto_reconcile.render.annotations import (
    DOUBTFUL,
    FOREIGN,
    INVALID,
    RULES,
    Finding,
    github,
    gitlab,
    sarif,
)

SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0.json").read_text("utf-8"))
"""Of the schema of SARIF 2.1.0 what concerns us, with all that it demands of that."""
HOSTILE = "100%: a, b\r\n::error::c\x1b[2J"


def finding(file: str = "manifests/a.yaml", message: str = "wrong", **more: Any) -> Finding:
    place = {"line": 3, "column": 5, **more}
    rule = place.pop("rule", INVALID)
    return Finding(rule, Problem(file, message=message, **place))


@pytest.mark.parametrize(
    "file",
    ["manifests/a.yaml", "a b%,é.yaml", "c:d.yaml", "../up.yaml", "/abs/x.yaml", "\udcff.yaml"],
)
def test_sarif_is_valid_whatever_a_file_is_called(file: str) -> None:
    made = sarif([finding(file, HOSTILE)], "1.2.3")
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    jsonschema.Draft4Validator(SCHEMA, format_checker=checker).validate(made)
    (result,) = made["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    uri = place["artifactLocation"]["uri"]
    assert uri.isascii()
    assert unquote(uri.removeprefix("file://"), errors="surrogateescape") == file
    assert uri.startswith("file:///") == file.startswith("/")
    assert ":" not in uri.removeprefix("file://")
    assert place["region"] == {"startLine": 3, "startColumn": 5}


def test_sarif_names_its_rules() -> None:
    found = [finding(rule=rule) for rule in (INVALID, DOUBTFUL, FOREIGN)]
    (run,) = sarif(found, "1.2.3")["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("otto-reconcile", "1.2.3")
    assert [r["level"] for r in run["results"]] == ["error", "warning", "note"]
    for result in run["results"]:
        rule = driver["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["defaultConfiguration"]["level"] == result["level"]


def test_a_fault_without_a_place_is_in_the_first_line() -> None:
    lost = finding(line=0, column=0)
    region = {"startLine": 1, "startColumn": 1}
    (result,) = sarif([lost], "1")["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == region
    assert "line=1,col=1," in next(github([lost]))


def test_a_command_of_github_keeps_to_its_line() -> None:
    (line,) = github([finding("a:b,c%\n.yaml", HOSTILE, hint="mend it")])
    assert "\n" not in line
    assert "\r" not in line
    match = re.fullmatch(r"::error file=([^,:]+),line=3,col=5,title=([^,:]+)::(.*)", line)
    assert match
    assert unquote(match[1]) == "a:b,c%\n.yaml"
    assert unquote(match[3]) == f"{HOSTILE} (mend it)"


def test_notes_are_warnings_and_notices() -> None:
    lines = list(github([finding(rule=DOUBTFUL), finding(rule=FOREIGN)]))
    assert [line.split()[0] for line in lines] == ["::warning", "::notice"]


def test_gitlabs_fingerprints_are_stable_and_differ() -> None:
    found = [finding(), finding(line=9), finding("b.yaml"), finding(message="other")]
    prints = [one["fingerprint"] for one in gitlab(found)]
    assert len(set(prints)) == len(prints)
    moved = [finding(line=40), finding(line=49)]
    assert [one["fingerprint"] for one in gitlab(moved)] == prints[:2]
    assert gitlab(found)[1]["location"] == {"path": "manifests/a.yaml", "lines": {"begin": 9}}
    assert {one["severity"] for one in gitlab([finding(rule=r) for r in RULES])} == {
        "major",
        "minor",
        "info",
    }


def test_logins_are_masked() -> None:
    told = finding(message="no answer from https://ann:s3cret@shop.example/x")
    assert "s3cret" not in json.dumps([sarif([told], "1"), gitlab([told]), *github([told])])
