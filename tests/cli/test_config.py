"""The configuration file: what goes before what, faults with places, and `config`."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from tests.cli.command import Otto, manifest

FILE = """\
# what stays the same
data-dir: state
interval: 10
port: ${PORT:-9001}
tools: [a.py, package.module]
mongodb-uri: mongodb://ann:hush@db.example/admin
take-over: [a, b]
"""


def settings(otto: Otto, *arguments: str, **environ: str) -> dict[str, tuple[Any, str]]:
    done = otto("config", "-o", "json", *arguments, **environ)
    assert (done.code, done.err) == (0, "")
    return {one["name"]: (one["value"], one["origin"]) for one in done.json()["settings"]}


def test_without_a_file_all_is_the_default(otto: Otto) -> None:
    found = settings(otto)
    assert found["port"] == (8800, "default")
    assert found["data-dir"] == (".otto", "default")


def test_an_option_goes_before_a_variable_before_the_file(otto: Otto) -> None:
    otto.write("otto.yaml", FILE)
    assert settings(otto)["port"] == (9001, "otto.yaml:4")
    assert settings(otto, PORT="9002")["port"] == (9002, "otto.yaml:4")
    assert settings(otto, OTTO_PORT="7")["port"] == (7, "OTTO_PORT")
    assert settings(otto, "--port", "8", OTTO_PORT="7")["port"] == (8, "option --port")
    otto.write(".env", "OTTO_PORT=6\n")
    assert settings(otto)["port"] == (6, "OTTO_PORT in .env")
    assert settings(otto)["tools"] == (["a.py", "package.module"], "otto.yaml:5")


def test_no_secret_is_shown(otto: Otto) -> None:
    otto.write("otto.yaml", FILE + "nlp: ${secret:WORD}\n")
    for form in ("table", "json", "yaml", "markdown"):
        done = otto("config", "-o", form, WORD="hush", OTTO_PARLANT_TOKEN="hush")
        assert done.code == 0
        assert "hush" not in done.out + done.err
        assert "(masked)" in done.out
        assert "OTTO_PARLANT_TOKEN" in done.out


def test_another_file_is_named_before_or_behind_a_command(otto: Otto) -> None:
    otto.write("etc/otto.yaml", "data-dir: state\nsources: [{folder: bots}]\ntools: [t.py]\n")
    places = [
        otto("--config", "etc/otto.yaml", "config", "-o", "json"),
        otto("config", "-o", "json", "--config=etc/otto.yaml"),
        otto("config", "-o", "json", OTTO_CONFIG="etc/otto.yaml"),
    ]
    for done in places:
        found = {one["name"]: one["value"] for one in done.json()["settings"]}
        assert found["data-dir"] == "etc/state"
        assert found["manifests"] == "etc/bots"
        assert found["tools"] == ["etc/t.py"]
    done = otto("status", "--config", "none.yaml")
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        "error: there is no configuration file none.yaml",
    )


def test_every_command_takes_what_it_has_an_option_for(otto: Otto) -> None:
    otto.write("otto.yaml", "data-dir: state\nmanifests: bots\n")
    otto.write("bots/desk.yaml", manifest())
    assert otto("validate").out == "1 bot in 1 file is valid\n"
    assert otto("apply", "-f", "bots").code == 0
    assert (otto.folder / "state" / "otto.db").is_file()
    assert not (otto.folder / ".otto").exists()
    assert [bot["bot"] for bot in otto("get", "-o", "json").json()["bots"]] == ["desk"]
    assert otto("get", OTTO_DATA_DIR="other").out.startswith("no bots yet")


def test_all_faults_come_at_once_with_places_and_hints(otto: Otto) -> None:
    otto.write(
        "otto.yaml",
        "dataDir: x\nprot: 1\nport: 70000\nevaluate: of\nsources: [{git: a, folder: b}]\n"
        "environment: x\ninterval: 0\nlog_format: json\nnlp: ${NOT_SET}\n",
    )
    done = otto("get")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "otto.yaml:1:1: unknown key `dataDir` (write `data-dir`, as the option is called)",
        "otto.yaml:2:1: unknown key `prot` (did you mean `port`?)",
        "otto.yaml:3:7: a port is a number from 0 to 65535 (choose another)",
        (
            "otto.yaml:4:11: `evaluate` must be one of off, lazy, eager, not `of`"
            " (did you mean `off`?)"
        ),
        "otto.yaml:5:11: a source has one of folder and git (make a source of each)",
        "otto.yaml:6:1: unknown key `environment` (write `env`, as the option is called)",
        "otto.yaml:7:11: give a number of seconds above 0 (30 is usual)",
        "otto.yaml:8:1: unknown key `log_format` (write `log-format`, as the option is called)",
        "error: 8 faults found",
    ]
    assert otto("get", "--help").code == 0


def test_sources_are_shown_with_their_places(otto: Otto) -> None:
    otto.write(
        "otto.yaml",
        "sources:\n  - {folder: m}\n"
        "  - {git: https://ann:hush@git.example/a, branch: main, path: m}\n",
    )
    found = settings(otto)
    source = {"git": "https://git.example/a", "branch": "main", "path": "m"}
    assert found["sources[1]"] == (source, "otto.yaml:3")
    assert found["manifests"] == ("m", "otto.yaml:2")


@pytest.mark.parametrize(("text", "valid"), [(FILE, True), ("prot: 1", False), ("port: x", False)])
def test_the_schema_describes_the_file(otto: Otto, text: str, valid: bool) -> None:
    schema = json.loads(otto("schema", "--of", "config").out)
    checker = jsonschema.Draft202012Validator(schema)
    assert checker.is_valid(yaml.safe_load(text)) is valid


def test_git_of_the_command_line_is_in_the_place_of_sources(otto: Otto) -> None:
    otto.write("otto.yaml", "sources:\n  - {git: bots.git, branch: main}\n  - {folder: m}\n")
    found = settings(otto, "--git", "other.git")
    assert found["git"] == (["other.git"], "option --git")
    assert "sources[0]" not in found
    found = settings(otto)
    assert found["sources[0]"][0] == {
        "git": "bots.git",
        "branch": "main",
        "path": "manifests",
    }
    assert "git" not in found


def test_a_source_with_a_secret_is_refused_unsaid(otto: Otto) -> None:
    source = '{git: "https://h/${SEC_TOKEN}/x.git", branch: main}'
    otto.write("otto.yaml", f"sources:\n  - folder: manifests\n  - {source}\n")
    for command in ("config", "validate", "run"):
        done = otto(command, SEC_TOKEN="geheim123")
        assert done.code == 1
        assert "otto.yaml:3:5: a source is named in logs" in done.err
        assert "geheim123" not in done.out + done.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "sources:\n  - {git: 'https://h/x.git?token=abc'}\n",
            "otto.yaml:2:11: the URL of a repository has no `?` with more behind it",
        ),
        (
            "sources:\n  - {git: x, path: ../m}\n",
            "otto.yaml:2:20: this is no path inside a repository",
        ),
        ("git-verify: gone\n", "otto.yaml:1: --git-verify gone: there is no such file"),
        ("parlant-url: 'ftp://x'\n", "otto.yaml:1: --parlant-url: 'ftp://x' does not start with"),
    ],
)
def test_a_value_that_run_refuses_has_its_line(otto: Otto, text: str, told: str) -> None:
    otto.write("otto.yaml", text)
    done = otto("run")
    assert done.code == 1
    assert told in done.err, done.err
    assert "abc" not in done.err


@pytest.mark.parametrize("what", ["folder", "link"])
def test_what_is_no_file_is_not_passed_over(otto: Otto, what: str) -> None:
    place = otto.folder / "otto.yaml"
    place.mkdir() if what == "folder" else place.symlink_to("nowhere")
    done = otto("config")
    assert done.code == 1
    assert "otto.yaml" in done.err
    assert "Traceback" not in done.err
