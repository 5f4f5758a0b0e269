"""One mistake is one fault, in its place: numbers, variables, tags, encodings, lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import Bot
from tests.manifest.test_load import HEAD

SPEC = HEAD + "  %s\n"
DATA = HEAD + "  guidelines: [{condition: c, metadata: {x: %s}}]\n"
ONE = HEAD.replace("spec:\n  name: A", "spec: {name: A}")


def loaded(path: Path, text: str | bytes, **environ: str) -> list[Bot]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [one.bot for one in manifest.load([path], environ=environ).bots]


def faults(path: Path, text: str | bytes, **environ: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        loaded(path, text, **environ)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.yaml"


@pytest.mark.parametrize("number", ["99999999999999999999", ".inf", "-.inf", ".nan", "1e999"])
@pytest.mark.parametrize("key", ["max_engine_iterations", "description", "tags", "guidelines"])
def test_a_number_that_cannot_be_kept_is_one_fault(path: Path, key: str, number: str) -> None:
    (fault,) = faults(path, SPEC % f"{key}: {number}")
    assert fault.startswith(f"6:{len(key) + 5}: this ")
    assert "number" in fault


def test_half_a_character_is_one_fault(path: Path) -> None:
    document = ('{"apiVersion": "otto/v1", "kind": "Bot", "metadata": {"id": "\\ud800"},', "{}}")
    assert len(faults(path, f'{document[0]} "spec": {{"name": "A"}}}}')) == 1


RELATED = "relationships: [{kind: priority, source: o, target: 'tag:t'}]\n  "
UNSET = [
    "description: ${X}",
    "max_engine_iterations: ${X}",
    "composition_mode: ${X}",
    "tags: ['${X}']",
    "guidelines: [{condition: '${X}'}]",
    "guidelines: [{condition: c, enabled: '${X}'}]",
    "guidelines: [{condition: c, tools: ['${X}']}]",
    RELATED + "guidelines: [{id: '${X}', condition: c}]",
    RELATED + "guidelines: [{id: 'x${X}', condition: c}]",
    "journeys: [{title: '${X}', description: d, conditions: []}]",
    "tool_services: [{name: '${X}', kind: mcp, url: 'http://h:1'}]",
    "tool_services: [{name: n, kind: mcp, url: '${X}'}]",
    "tool_services: [{name: n, kind: '${X}', url: 'http://h:1'}]",
    "relationships: [{kind: priority, source: '${X}', target: 'tag:t'}]",
    "customers: [{id: '${X}'}]",
    "variables: [{name: '${X}'}]",
    "canned_responses: [{value: '${X}'}]",
]


@pytest.mark.parametrize("line", UNSET)
def test_a_variable_that_is_not_set_is_one_fault(path: Path, line: str) -> None:
    (fault,) = faults(path, SPEC % line)
    assert "the environment variable X is not set" in fault


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("description: ${X_KEY}", "may not be read here"),
        ("guidelines: [{condition: c, metadata: {x: '${X_KEY}'}}]", "may not be read here"),
        ("guidelines: [{id: g, condition: '${X_KEY}'}]", "may not be read here"),
        ("tags: ['${X_KEY}']", "cannot stand here"),
        ("max_engine_iterations: ${X_KEY}", "cannot stand here"),
        ("tool_services: [{name: n, kind: sdk, url: '${X_KEY}'}]", "is not set"),
    ],
)
def test_a_secret_that_is_not_set_is_one_fault(path: Path, line: str, said: str) -> None:
    (fault,) = faults(path, SPEC % line)
    assert said in fault
    assert "X_KEY" in fault
    if said == "may not be read here":
        assert "is not set" in faults(path, SPEC % line, OTTO_ALLOW_ENV="X_KEY")[0]


def test_each_of_two_variables_in_a_text_is_a_fault(path: Path) -> None:
    found = faults(path, SPEC % "guidelines: [{condition: '${X} ${Y} ${'}]")
    assert [fault.split()[1:5] for fault in found] == [
        ["`${`", "starts", "no", "variable"],
        ["the", "environment", "variable", "X"],
        ["the", "environment", "variable", "Y"],
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("!!bool maybe", "`!!bool` takes true or false, not `maybe`"),
        ("!!bool yes", "`!!bool` takes true or false, not `yes`"),
        ("!!int x", "`!!int` takes a whole number, not `x`"),
        ("!!int 1.5", "`!!int` takes a whole number, not `1.5`"),
        ("!!int true", "`!!int` takes a whole number, not `true`"),
        ("!!float x", "`!!float` takes a number, not `x`"),
        ("!!null x", "`!!null` takes nothing, not `x`"),
        ("!!str [1]", "`!!str` takes text, not a list"),
        ("!!int {a: 1}", "`!!int` takes a whole number, not a mapping"),
        ("!!map [1]", "`!!map` takes a mapping, not a list"),
        ("!!map x", "`!!map` takes a mapping, not text"),
        ("!!seq {a: 1}", "`!!seq` takes a list, not a mapping"),
        ("!!seq x", "`!!seq` takes a list, not text"),
        ("!!timestamp 2020-01-01", "the tag `!!timestamp` means nothing here"),
        ("!!timestamp x", "the tag `!!timestamp` means nothing here"),
        ("!!binary x", "the tag `!!binary` means nothing here"),
        ("!!set {a, b}", "the tag `!!set` means nothing here"),
        ("!!omap [a: 1]", "the tag `!!omap` means nothing here"),
        ("!!pairs [a: 1]", "the tag `!!pairs` means nothing here"),
        ("!!merge x", "the tag `!!merge` means nothing here"),
        ("!!python/name:os.system x", "the tag `!!python/name:os.system` means nothing here"),
        ("!!python/object/new:os.system [x]", "the tag `!!python/object/new:os.system`"),
        ("!foo x", "the tag `!foo` means nothing here"),
        ("!foo [1]", "the tag `!foo` means nothing here"),
        ("!foo {a: 1}", "the tag `!foo` means nothing here"),
        ("!e!x y", "this is not valid YAML: found undefined tag handle"),
    ],
)
def test_a_tag_that_does_not_fit_is_a_fault(path: Path, value: str, said: str) -> None:
    (fault,) = faults(path, DATA % value)
    assert fault.startswith(f"6:45: {said}")
    assert len(faults(path, SPEC % f"max_engine_iterations: {value}")) == 1


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("!!bool 'true'", True), ("!!int '12'", 12), ("!!int 0x1f", 31), ("!!float 3", 3.0),
        ("!!float '1.5'", 1.5), ("!!null ''", None), ("!!str 5", "5"), ("! 5", "5"),
        ("! '5'", "5"), ("&a ! 5", "5"), ("!!map {a: 1}", {"a": 1}), ("!!seq [1]", [1]),
    ],
)  # fmt: skip
def test_a_tag_that_fits_says_what_is_meant(path: Path, value: str, meant: object) -> None:
    (bot,) = loaded(path, DATA % value)
    found = (bot.guidelines[0].metadata or {})["x"]
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize(
    ("encoding", "order"), [("UTF-16", "LE"), ("UTF-16", "BE"), ("UTF-32", "LE"), ("UTF-32", "BE")]
)
@pytest.mark.parametrize("text", [ONE, ONE + "# это комментарий по-русски\n", "\n" + ONE[:-1]])
def test_other_encodings_are_named(
    path: Path, encoding: str, order: str, mark: bool, text: str
) -> None:
    data = (("\ufeff" if mark else "") + text).encode(encoding + order)
    words = "little-endian" if order == "LE" else "big-endian"
    told = f"{encoding} ({words}{'' if mark else ', without a byte order mark'})"
    source = encoding if mark else encoding + order
    hint = f"save it as UTF-8, or: iconv -f {source} -t UTF-8 FILE > NEW"
    for cut in (data, data[:-1]):
        assert faults(path, cut) == [f"1:1: the file is in {told}, not in UTF-8 ({hint})"]


def test_a_nul_in_a_text_is_no_other_encoding(path: Path) -> None:
    for data in (b"x: a\0b\n", b"\0\0\1\0abcd" * 30, b"\x7fELF\0\1"):
        assert "this is a binary file" in faults(path, data)[0]


def test_a_list_is_its_documents_in_yaml_as_in_json(path: Path) -> None:
    item = "- " + ONE.replace("\n", "\n  ").rstrip() + "\n"
    other = item.replace("id: a", "id: b")
    assert [bot.id for bot in loaded(path, item + other)] == ["a", "b"]
    assert [bot.id for bot in loaded(path, f"{ONE.replace('id: a', 'id: c')}---\n{item}")] == [
        "c",
        "a",
    ]
    document = {"apiVersion": "otto/v1", "kind": "Bot", "metadata": {"id": "a"}}
    written = json.dumps([{**document, "spec": {"name": "A"}}])
    assert [bot.id for bot in loaded(path, f"{written}\n---\n{other}")] == ["a", "b"]
    (text,) = faults(path, item + "- x\n")
    assert text.startswith("5:3: this document is no manifest: it is text (a manifest has")
    assert faults(path, item.replace("kind: Bot", "kind: Bto"))[0].startswith("2:9: `kind` must be")
    (nested,) = faults(path, "- " + item.replace("\n", "\n  "))
    assert nested.startswith("1:1: this document is no manifest: it is a list without a manifest")


def test_documents_in_json_one_behind_the_other(tmp_path: Path) -> None:
    path = tmp_path / "bots.json"
    (fault,) = faults(path, '{"apiVersion": "otto/v1"}\n{"apiVersion": "otto/v1"}\n')
    assert fault.startswith("2:1: this is not valid JSON: something follows the end of the JSON")
    assert fault.endswith("(write several documents as a list: `[..., ...]`)")


def test_a_specification_in_a_list_says_how_to_import(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    (fault,) = faults(path, '[{"purpose": "x", "guardrails": []}]')
    assert "`otto-reconcile apply -f FILE.json`, a file for each" in fault
