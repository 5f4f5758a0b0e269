"""Texts in files of their own: where `!file` may stand, and what it never reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import Bot, Masked
from tests.manifest.test_load import HEAD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of manifests with a file that is not to be read beside it."""
    (tmp_path / "secret.md").write_text("SESAME")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "prompt.md").write_text("Be kind.\n\n- short\n")
    return tmp_path / "m"


def one(folder: Path, spec: str, environ: Mapping[str, str] | None = None) -> Bot:
    (folder / "bot.yaml").write_text(HEAD + spec)
    (loaded,) = manifest.load([folder], environ=environ or {}).bots
    return loaded.bot


def refused(folder: Path, spec: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        one(folder, spec, environ)
    assert "SESAME" not in str(caught.value)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_a_text_stands_in_a_file_beside_the_manifest(folder: Path) -> None:
    (folder / "bots").mkdir()
    (folder / "bots" / "bot.yaml").write_text(HEAD + "  description: !file ../prompt.md\n")
    (loaded,) = manifest.load([folder], environ={}).bots
    assert loaded.bot.description == "Be kind.\n\n- short\n"


def test_every_text_may_be_from_a_file(folder: Path) -> None:
    (folder / "tag.txt").write_text("vip")
    bot = one(
        folder,
        "  description: &same !file './prompt.md'\n  tags: [a, !file tag.txt]\n"
        "  guidelines:\n"
        "    - {id: x, condition: !file prompt.md, action: *same, metadata: {id: !file tag.txt}}\n"
        "  journeys:\n"
        "    - {id: j, title: T, description: !file prompt.md, conditions: [!file prompt.md],\n"
        "       states: [{chat: !file prompt.md}]}\n"
        "  canned_responses: [{id: r, value: !file prompt.md, signals: [!file tag.txt]}]\n",
    )
    text = "Be kind.\n\n- short\n"
    assert (bot.description, bot.tags) == (text, ["a", "vip"])
    (guideline,) = bot.guidelines
    assert (guideline.condition, guideline.action) == (text, text)
    assert guideline.metadata == {"id": "vip"}
    (journey,) = bot.journeys
    assert (journey.description, journey.conditions) == (text, [text])
    assert (bot.canned_responses[0].value, bot.canned_responses[0].signals) == (text, ["vip"])


def test_a_text_is_as_its_file_has_it(folder: Path) -> None:
    (folder / "prompt.md").write_bytes("\ufeff!file x\r\n  ä: 1 \n\n".encode())
    assert one(folder, "  description: !file prompt.md\n").description == "!file x\r\n  ä: 1 \n\n"
    (folder / "prompt.md").write_bytes(b"")
    assert one(folder, "  description: !file prompt.md\n").description == ""


def test_variables_in_such_a_text_are_filled_in(folder: Path) -> None:
    (folder / "prompt.md").write_text("Hi\nfrom ${SHOP:-us} $${x} ${MY_TOKEN}\n")
    spec = "  description: !file prompt.md\n"
    bot = one(folder, spec, {"MY_TOKEN": "t", "OTTO_ALLOW_ENV": "*"})
    assert bot.description == "Hi\nfrom us ${x} t\n"
    template = "Hi\nfrom ${SHOP:-us} $${x} ${MY_TOKEN}\n"
    assert bot.masked == {"description": Masked(template=template, variables=["MY_TOKEN"])}
    assert "looks like a secret" in refused(folder, spec, {"MY_TOKEN": "t"})[0]
    (line,) = refused(folder, spec, {"OTTO_ALLOW_ENV": "*"})
    assert line.startswith("prompt.md:2:24: the environment variable MY_TOKEN is not set")


def test_a_link_that_stays_in_the_folder_is_followed(folder: Path) -> None:
    (folder / "..data").mkdir()  # as Kubernetes mounts it
    (folder / "prompt.md").rename(folder / "..data" / "prompt.md")
    (folder / "prompt.md").symlink_to("..data/prompt.md")
    assert one(folder, "  description: !file prompt.md\n").description == "Be kind.\n\n- short\n"


OUTSIDE = "it lies outside the folder of manifests"
DOT = "it starts with a dot, or lies in a folder that does"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../secret.md", OUTSIDE),
        ("../not-there.md", OUTSIDE),
        ("sub/../../secret.md", OUTSIDE),
        ("link.md", OUTSIDE),
        ("away/secret.md", OUTSIDE),
        ("nowhere.md", OUTSIDE),
        (".git/config", DOT),
        ("config.md", DOT),
        (".env", DOT),
        ("missing.md", "there is no such file or folder, or it has just gone"),
        ("prompt.md/x", "this cannot be read: Not a directory"),
        (".", "this is a folder, not a file"),
        ("sub", "this is a folder, not a file"),
        ("pipe", "this is a named pipe, not a file"),
        ("circle.md", "this is a link in a circle, not a file"),
        ("x" * 300, "this cannot be read: File name too long"),
        ("big.md", "it is larger than 1 MB"),
    ],
)
def test_what_is_no_file_of_the_folder_is_refused(folder: Path, path: str, why: str) -> None:
    (folder / "sub").mkdir()
    (folder / "link.md").symlink_to("../secret.md")
    (folder / "away").symlink_to(folder.parent)
    (folder / "nowhere.md").symlink_to("../not-there.md")
    (folder / "circle.md").symlink_to("circle.md")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("SESAME")
    (folder / ".env").write_text("SESAME")
    (folder / "config.md").symlink_to(".git/config")
    (folder / "big.md").write_bytes(b"x" * 1_048_577)
    os.mkfifo(folder / "pipe")
    (line,) = refused(folder, f"  description: !file {path}\n")
    assert line.startswith("bot.yaml:6:16: `")
    assert f"cannot be included: {why}" in line


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("!file /etc/hostname", "`!file` takes a path that starts at this manifest"),
        ("!file", "`!file` takes a path that starts at this manifest"),
        ("!file ${HOME}/x", "the path behind `!file` is not filled with variables"),
        ('!file "a\\0b"', "the path behind `!file` has a character that no path can have"),
        (f"!file {'x' * 300}", "cannot be included"),
        (f"!file {'x/' * 3000}x", "cannot be included"),
        ("!file [prompt.md]", "the tag `!file` means nothing here"),
        ("!include prompt.md", "the tag `!include` means nothing here (write `!file ./prompt.md`"),
        ("{!file prompt.md : x}", "a key stands in the manifest itself, not in a file"),
    ],
)
def test_a_tag_that_names_no_file_is_a_fault(folder: Path, value: str, why: str) -> None:
    assert any(why in line for line in refused(folder, f"  description: {value}\n"))


@pytest.mark.parametrize(
    "spec",
    [
        "  guidelines: [{id: !file word, condition: c}]\n",
        "  relationships: [{kind: !file word, source: 'tag:a', target: 'tag:b'}]\n",
        "---\napiVersion: otto/v1\nkind: Bot\nmetadata: {id: !file word}\nspec: {name: B}\n",
        "---\napiVersion: !file word\nkind: Bot\nmetadata: {id: b}\nspec: {name: B}\n",
    ],
)
def test_what_names_a_thing_stands_in_the_manifest(folder: Path, spec: str) -> None:
    (folder / "word").write_text("priority")
    (line,) = refused(folder, spec)
    assert "stands in the manifest itself, not in a file" in line


def test_fields_that_are_no_text_take_no_file(folder: Path) -> None:
    (folder / "number").write_text("5")
    (line,) = refused(folder, "  max_engine_iterations: !file number\n")
    assert line.startswith("bot.yaml:6:26: `max_engine_iterations` must be a whole number")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a\nb \xff\n", "prompt.md:2:3: this is not UTF-8 text (save it as UTF-8)"),
        (b"a\nb \x07\n", "prompt.md:2:3: the character U+0007 is not allowed in a text file"),
        (b"a\n\n ${\n", "prompt.md:3:2: `${` starts no variable here"),
        ("a".encode("utf-16"), "prompt.md:1:1: the file is in UTF-16 (little-endian), not in"),
        (b"\x7fELF\0", "prompt.md:1:1: this is a binary file, not a text"),
    ],
)
def test_a_fault_in_the_text_has_its_place_there(folder: Path, data: bytes, why: str) -> None:
    (folder / "prompt.md").write_bytes(data)
    assert refused(folder, "  description: !file prompt.md\n")[0].startswith(why)


def test_all_files_of_a_manifest_have_a_limit(folder: Path) -> None:
    (folder / "big.md").write_bytes(b"x" * 1_048_576)
    names = ", ".join(["!file big.md"] * 5)
    lines = refused(folder, f"  guidelines: [{{condition: c, metadata: {{a: [{names}]}}}}]\n")
    assert "bot.yaml:6:102: `big.md` cannot be included: the files of one manifest" in lines[0]


def test_a_single_file_has_its_own_folder(folder: Path) -> None:
    inner = folder / "in"
    inner.mkdir()
    (inner / "bot.yaml").write_text(HEAD + "  description: !file ../prompt.md\n")
    with pytest.raises(InvalidInput, match="lies outside"):
        manifest.load([inner / "bot.yaml"], environ={})
    assert manifest.load([folder], environ={}).bots


@pytest.mark.process
@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_what_is_piped_in_includes_nothing(folder: Path, name: str) -> None:
    code = (
        "from pathlib import Path; from otto_reconcile import manifest;"
        f"manifest.load([Path({name!r})], environ={{}})"
    )
    text = HEAD + "  description: !file prompt.md\n"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, input=text, capture_output=True, text=True, cwd=folder, timeout=60)
    assert "<standard input>:6:16: what is piped in has no folder" in done.stderr


def test_an_included_file_is_none_of_another_program(folder: Path) -> None:
    (folder / "words.yaml").write_text("just: words\n")
    (folder / "values.yaml").write_text("of: another\n")
    (folder / "bot.yaml").write_text(HEAD + "  description: !file words.yaml\n")
    loaded = manifest.load([folder], environ={})
    assert [Path(line.file).name for line in loaded.foreign] == ["values.yaml"]
    assert loaded.texts == {str(folder / "bot.yaml"): {folder / "words.yaml"}}


def test_a_tag_of_another_program_reads_no_file(folder: Path) -> None:
    (folder / "other.yaml").write_text("a: !file ../secret.md\nb: !file missing\n")
    (folder / "bot.yaml").write_text(HEAD)
    loaded = manifest.load([folder], environ={})
    assert [line.message for line in loaded.foreign] == [
        "this is no manifest: it has no `apiVersion: otto/v1`"
    ]
    assert not loaded.texts


def test_what_was_included_is_exported_as_text(folder: Path) -> None:
    bot = one(folder, "  description: !file prompt.md\n")
    written = manifest.dump([bot])
    assert "!file" not in written
    (folder / "bot.yaml").write_text(written)
    assert manifest.load([folder], environ={}).bots[0].bot == bot
