"""What loads, and what files that cannot be read are answered with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import Bot, Masked

HEAD = "apiVersion: otto/v1\nkind: Bot\nmetadata: {id: a}\nspec:\n  name: A\n"


def bots(path: Path, environ: Mapping[str, str] | None = None) -> list[Bot]:
    return [
        item.bot
        for item in manifest.load([path], environ={"OTTO_ALLOW_ENV": "*", **(environ or {})}).bots
    ]


def one(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> Bot:
    path = tmp_path / "bot.yaml"
    path.write_bytes(text.encode())
    (bot,) = bots(path, environ)
    return bot


def refused(path: Path) -> str:
    with pytest.raises(InvalidInput) as caught:
        bots(path)
    return str(caught.value)


def test_examples_load_with_an_empty_environment() -> None:
    found = bots(Path("manifests"))
    ids = ["clinic-reception", "healthcare", "it-helpdesk", "order-desk", "travel"]
    assert [bot.id for bot in found] == ids
    for bot in found:
        assert bot.guidelines
        assert bot.journeys
        assert bot.terms
        assert bot.relationships
        kinds = {relationship.kind for relationship in bot.relationships}
        assert len(kinds) == 4 or any(journey.states for journey in bot.journeys)


def test_ids_become_complete(tmp_path: Path) -> None:
    bot = one(
        tmp_path,
        HEAD + "  guidelines:\n"
        "    - {id: x, condition: c}\n"
        "    - {exact_id: g_1a2B, condition: d}\n"
        "    - condition: The customer asks where on earth the order might be by now\n"
        "  terms: [{name: RMA, description: d}, {name: Größe, description: d}]\n",
    )
    assert [item.id for item in bot.guidelines] == [
        "a.x",
        "g_1a2B",
        "a.the-customer-asks-where-on-earth-the-f108dc",
    ]
    assert [item.id for item in bot.terms] == ["a.rma", "a.grosse-aedc3f"]


def test_an_id_made_from_a_text_stays_when_all_else_changes(tmp_path: Path) -> None:
    first = one(tmp_path, HEAD + "  guidelines: [{condition: Same}]\n")
    text = HEAD + "  guidelines: [{condition: Other}, {condition: Same, action: new}]\n"
    assert one(tmp_path, text).guidelines[1].id == first.guidelines[0].id


@pytest.mark.parametrize("word", ["on", "no", "yes", "off", "2024-01-01", "1:30", "1_000"])
def test_words_that_are_text_in_yaml_1_2(tmp_path: Path, word: str) -> None:
    assert one(tmp_path, HEAD + f"  description: {word}\n").description == word


def test_ids_may_be_such_words(tmp_path: Path) -> None:
    text = HEAD + "  guidelines: [{id: no, condition: c}, {id: on, condition: d}]\n"
    assert [item.id for item in one(tmp_path, text).guidelines] == ["a.no", "a.on"]


def test_numbers_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = HEAD + "  guidelines: [{condition: c, metadata: {a: 010, b: 0o10, c: 0x10, d: 1e1}}]\n"
    assert one(tmp_path, text).guidelines[0].metadata == {"a": 10, "b": 8, "c": 16, "d": 10.0}


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    text = HEAD + (
        "  guidelines:\n    - &base {id: x, condition: c, criticality: high, priority: 1}\n"
        "    - {<<: *base, id: y, priority: 2}\n"
    )
    second = one(tmp_path, text).guidelines[1]
    assert (second.id, second.condition, second.criticality, second.priority) == (
        "a.y",
        "c",
        "high",
        2,
    )


def test_relationships_name_things_in_every_way(tmp_path: Path) -> None:
    ends = {
        "x": "guideline:a.x", "j": "journey:a.j", "guideline:x": "guideline:a.x",
        "guideline:a.x": "guideline:a.x", "guideline:b.z": "guideline:b.z",
        "journey:j": "journey:a.j", "agent:b": "agent:b", "agent:exact:c": "agent:c",
        "guideline:exact:g": "guideline:g", "tag:two words": "tag:two words",
        "tool:s:t": "tool:s:t", "tool:t": "tool:t",
    }  # fmt: skip
    rows = "".join(
        f"    - {{kind: priority, source: {json.dumps(end)}, target: 'tag:t{number}'}}\n"
        for number, end in enumerate(ends)
    )
    text = HEAD + (
        "  guidelines: [{id: x, condition: c}]\n"
        "  journeys: [{id: j, title: t, description: d, conditions: []},"
        " {id: x, title: t2, description: d, conditions: []}]\n"
        f"  relationships:\n{rows}---\n"
        "apiVersion: otto/v1\nkind: Bot\nmetadata: {id: b}\n"
        "spec: {name: B, guidelines: [{id: z, condition: c}]}\n"
    )
    path = tmp_path / "two.yaml"
    path.write_text(text)
    assert [item.source for item in bots(path)[0].relationships] == list(ends.values())


def test_variables(tmp_path: Path) -> None:
    text = HEAD + (
        '  description: "${WHO:-you} and ${EMPTY:-none} and $${WHO}"\n'
        "  max_engine_iterations: ${N}\n"
        "  guidelines: [{condition: c, enabled: '${ON}', criticality: '${C}'}]\n"
    )
    bot = one(tmp_path, text, {"WHO": "me", "EMPTY": "", "N": "5", "ON": "false", "C": "high"})
    assert bot.description == "me and none and ${WHO}"
    assert (bot.max_engine_iterations, bot.guidelines[0].enabled) == (5, False)
    assert bot.guidelines[0].criticality == "high"
    assert bot.masked == {}


def test_secrets_are_marked_by_path(tmp_path: Path) -> None:
    text = HEAD + (
        "  description: Use ${api_token}\n"
        "  guidelines: [{id: x, condition: c, metadata: {k/1: ['${secret:WHO}']}}]\n"
        "  journeys: [{id: j, title: t, description: d, conditions: ['${MY_PASSWD}!']}]\n"
    )
    bot = one(tmp_path, text, {"api_token": "s1", "WHO": "s2", "MY_PASSWD": "s3"})
    assert bot.masked == {
        "description": Masked(template="Use ${api_token}", variables=["api_token"]),
        "guidelines/a.x/metadata/k~11/0": Masked(template="${secret:WHO}", variables=["WHO"]),
        "journeys/a.j/conditions/0": Masked(template="${MY_PASSWD}!", variables=["MY_PASSWD"]),
    }
    assert bot.journeys[0].conditions == ["s3!"]


def test_json_with_pairs_of_surrogates_and_long_keys(tmp_path: Path) -> None:
    document = {
        "apiVersion": "otto/v1", "kind": "Bot",
        "metadata": {"id": "a", "annotations": {"k" * 2000: 1}},
        "spec": {"name": "👍"},
    }  # fmt: skip
    path = tmp_path / "bot.json"
    path.write_text(json.dumps(document, indent="\t"))
    (bot,) = bots(path)
    assert (bot.name, bot.annotations) == ("👍", {"k" * 2000: 1})


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    text = "\ufeff" + (HEAD + "  description: |\n    a\n    b\n").replace("\n", "\r\n")
    assert one(tmp_path, text).description == "a\nb\n"


@pytest.mark.parametrize("between", ["---\n\ufeff", "\ufeff---\n", "--- # next\r\n\ufeff"])
def test_files_put_one_behind_the_other_keep_their_marks(tmp_path: Path, between: str) -> None:
    path = tmp_path / "two.yaml"
    second = HEAD.replace("{id: a}", "{id: b}") + '  description: "\ufeff kept"\n'
    path.write_bytes(("\ufeff" + HEAD + between + second).encode())
    assert [bot.id for bot in bots(path)] == ["a", "b"]
    assert bots(path)[1].description == "\ufeff kept"


def test_what_ended_lines_in_yaml_1_1_is_text(tmp_path: Path) -> None:
    said = "a\x85b\u2028c\u2029d \U000f0000 \u200b "
    text = HEAD + f"  description: '{said}'\n  tags: [x\u2028y]\n"
    assert one(tmp_path, text).description == said
    assert one(tmp_path, text).tags == ["x\u2028y"]
    block = HEAD + f"  description: |\n    a  \n    {said}\n  bad: 1\n"
    assert one(tmp_path, block.replace("  bad: 1\n", "")).description == f"a  \n{said}\n"
    (tmp_path / "bot.yaml").write_bytes(block.encode())
    assert refused(tmp_path / "bot.yaml").startswith(f"{tmp_path}/bot.yaml:9:3: unknown key")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x" * 10_000_000, "the file is larger than 1 MB"),
        (b"\x7fELF\x00\x01", "this is a binary file"),
        ("a: 1".encode("utf-16"), "the file is in UTF-16"),
        (b"a: 1\nb: \xff\n", "bot.yaml:2:4: this is not UTF-8 text"),
        (b"a: \xed\xa0\x80", "bot.yaml:1:4: this is not UTF-8 text"),
        (b"[" * 100_000, "nested more than 50 levels"),
        (b'{"a":' * 100_000, "nested more than 50 levels"),
        (b'a: "\\ud800"', "this is not valid YAML"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"a": ' + b"9" * 5000 + b"}", "number"),
        (b"a: " + b"9" * 5000, "number"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bot.yaml"
    path.write_bytes(data)
    start = time.monotonic()
    assert message in refused(path)
    assert time.monotonic() - start < 60  # far from what it takes, as from what a mistake would


def test_a_billion_laughs(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    path = tmp_path / "bot.yaml"
    path.write_text("\n".join(rows))
    assert "holds more than 100,000 values" in refused(path)


def test_nothing_there_and_a_file_that_vanished(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "not-there")
    assert f"{tmp_path}/gone.yaml:1:1: there is no such file" in refused(tmp_path)
    assert "there is no such file" in refused(tmp_path / "nowhere")


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    listing = os.scandir

    def scandir(path: Path) -> object:
        if path.name == "closed":  # the rights themselves would not stop root
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert "closed:1:1: there is no permission" in refused(tmp_path)


def test_folders_are_nested_sorted_and_free_of_editors_files(tmp_path: Path) -> None:
    for name in ("b/z.yaml", "b/c/y.yml", "a.json", ".hidden/x.yaml", ".b.yaml.swp", "c.yaml~"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        id_ = path.stem.strip(".")
        path.write_text(HEAD.replace("{id: a}", f"{{id: {id_}}}"))
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "a.json").write_text(
        '{"apiVersion": "otto/v1", "kind": "Bot", "metadata": {"id": "a"}, "spec": {"name": "A"}}'
    )
    assert [bot.id for bot in bots(tmp_path)] == ["a", "y", "z"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n---\n"])
def test_nothing_is_no_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "bot.yaml").write_text(text)
    assert bots(tmp_path) == []


def test_the_place_of_each_document_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(HEAD + "---\n" + HEAD.replace("{id: a}", "{id: b}"))
    loaded = manifest.load([path, tmp_path], environ={})
    assert [(item.bot.id, item.file, item.line) for item in loaded.bots] == [
        ("a", str(path), 1),
        ("b", str(path), 7),
    ]


@pytest.mark.process
def test_standard_input() -> None:
    code = (
        "from pathlib import Path; from otto_reconcile import manifest;"
        "print(manifest.load([Path('-')], environ={}).bots[0].bot.id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=HEAD, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("a\n", "")


@pytest.mark.parametrize(
    "name", [".a.yaml.swp", "a.yaml~", ".#a.yaml", "#a.yaml#", "4913", "a.txt"]
)
def test_what_is_no_manifest(name: str) -> None:
    assert not manifest.is_manifest(Path(name))


def test_a_secret_in_an_id_reaches_no_message(tmp_path: Path) -> None:
    path = tmp_path / "bot.yaml"
    path.write_text(
        HEAD + "  guidelines:\n"
        "    - {id: '${API_KEY}', condition: c}\n    - {exact_id: '${API_KEY}', condition: d}\n"
        "    - {condition: '${API_KEY}'}\n    - {id: '${API_KEY}', condition: ''}\n"
        "  relationships:\n"
        "    - {kind: priority, source: hush-hush-hus, target: '${API_KEY}'}\n"
        "    - {kind: priority, source: '${API_KEY}', target: hush-hush-hus}\n"
        "---\n" + HEAD.replace("{id: a}", "{id: '${API_KEY}'}")
    )
    with pytest.raises(InvalidInput) as caught:
        manifest.load([path], environ={"API_KEY": "hush-hush-hush"})
    assert "hush-hush-hush" not in str(caught.value)
    assert str(caught.value).count("a secret (API_KEY) cannot stand here") == 6


def test_a_list_in_json_is_its_documents(tmp_path: Path) -> None:
    path = tmp_path / "all.JSON"
    loaded = manifest.load([Path("manifests")], environ={})
    written = list(yaml.safe_load_all(manifest.dump(one.bot for one in loaded.bots)))
    path.write_text(json.dumps(written))
    assert bots(path) == [one.bot for one in loaded.bots]
    path.write_text("[1, {}]")
    assert "this is no manifest" in refused(path)


def test_a_secret_in_a_way_reaches_no_message(tmp_path: Path) -> None:
    path = tmp_path / "bot.yaml"
    journey = "{id: j, title: t, description: d, conditions: [], states: [{chat: x, next: %s}]}"
    for way in ("'${API_KEY}'", "[{when: w, to: '${API_KEY}'}]", "'${API_KEY} x'"):
        path.write_text(HEAD + f"  journeys: [{journey % way}]\n")
        with pytest.raises(InvalidInput) as caught:
            manifest.load([path], environ={"API_KEY": "hush-hush"})
        assert "hush" not in str(caught.value)


def test_an_id_that_no_bot_can_have_is_one_fault(tmp_path: Path) -> None:
    path = tmp_path / "bot.yaml"
    text = HEAD.replace("{id: a}", '{id: "a\\nb"}') + "  guidelines: [{id: x, condition: c}]\n"
    path.write_text(text + "  relationships: [{kind: priority, source: x, target: 'tag:t'}]\n")
    assert refused(path).count("\n") == 0


def test_one_path_is_one_path_and_no_list_of_letters(tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text("apiVersion: otto/v1\nkind: Bot\nmetadata: {id: desk}\nspec: {name: Desk}\n")
    for paths in (file, str(file), [file], [str(file)], tmp_path, str(tmp_path)):
        assert [one.bot.id for one in manifest.load(paths, environ={}).bots] == ["desk"]  # type: ignore[arg-type]
    for wrong in ([b"x"], [5], b"x"):
        with pytest.raises(TypeError, match="no path"):
            manifest.load(wrong, environ={})  # type: ignore[arg-type]


ALIASES = {
    "spec:\n  name: &word Desk\n  terms: *word\n": (
        ":6:10: `terms` must be a list, not text; the alias here stands for what is at 5:9"
    ),
    "spec:\n  name: A\n  guidelines: [&one {id: a, condition: c}]\n  terms: [*one]\n": (
        ":7:11: `name` is missing; the alias here stands for what is at 6:16"
    ),
    "spec:\n  name: A\n  tags: &list [x]\n  terms: [*list]\n": (
        ":7:11: item 1 of `terms` must be a mapping, not a list; the alias here stands for what is"
    ),
}


@pytest.mark.parametrize(("text", "told"), ALIASES.items())
def test_a_fault_at_an_alias_names_it_and_its_anchor(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bot.yaml"
    path.write_text("apiVersion: otto/v1\nkind: Bot\nmetadata: {id: a}\n" + text)
    assert told in refused(path)
