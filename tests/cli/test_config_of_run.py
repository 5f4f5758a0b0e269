"""`config` shows what `run` with the same arguments would use, and knows every setting of it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer.main

from otto_reconcile.cli.config_file import read
from otto_reconcile.cli.config_form import ConfigForm, config_schema
from otto_reconcile.cli.environment_commands import app
from otto_reconcile.settings import Settings
from tests.cli.command import ROOT, Otto, manifest
from tests.cli.test_config import settings

TWO = """\
sources:
  - {git: one.git, branch: main, path: bots}
  - {folder: m}
  - {git: two.git}
"""
IN_SOURCES = {"git", "branch", "path"}
ONLY_AT_THE_START = {"ephemeral"}
OF_RUN_ALONE = {"prune-unmanaged", "allow-env"}
"""An argument of the loop, and a variable that whatever loads manifests reads."""


def options(command: str) -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    found = {one.opts[0].removeprefix("--"): one for one in group.commands[command].params}
    return {name: one for name, one in found.items() if name not in ("help", "output")}


def form_of(option: Any) -> tuple[object, ...]:
    return (option.name, option.opts, option.envvar, option.default, option.multiple, option.help)


def test_config_has_the_options_of_run() -> None:
    run, config = options("run"), options("config")
    assert {n: form_of(o) for n, o in config.items()} == {n: form_of(o) for n, o in run.items()}


def test_the_file_has_the_options_of_run() -> None:
    names = options("run").keys() - ONLY_AT_THE_START - IN_SOURCES
    lists = {"sources", "targets"}
    assert set(ConfigForm.model_fields) - lists == names
    assert set(config_schema()["properties"]) - lists == names


def test_settings_have_the_options_of_run() -> None:
    told = {one.name for one in options("run").values()} - {"branch", "path", "select"}
    told -= {name.replace("-", "_") for name in OF_RUN_ALONE}
    assert {one.name for one in fields(Settings)} == told | {
        "selector",
        "targets",
        "bridge_token",
        "headers",
        "webhook_secret",
    }


@pytest.mark.parametrize("page", ["configuration.md", "cli.md"])
def test_the_documents_name_the_options_of_run(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    for name in options("run").keys() - (ONLY_AT_THE_START if page != "cli.md" else set()):
        wanted = rf"`{name}`" if page != "cli.md" else rf"`(-l` \(`)?--{name}\b"
        assert re.search(wanted, text), name


def test_a_part_of_the_command_line_is_shown_over_the_sources(otto: Otto) -> None:
    otto.write("otto.yaml", TWO)
    found = settings(otto, "--branch", "dev")
    over = "otto.yaml:{}, branch by option --branch"
    assert found["sources[0]"] == (
        {"git": "one.git", "branch": "dev", "path": "bots"},
        over.format(2),
    )
    assert found["sources[2]"] == (
        {"git": "two.git", "branch": "dev", "path": "manifests"},
        over.format(4),
    )
    found = settings(otto, OTTO_GIT_PATH="x")
    assert found["sources[0]"][0]["path"] == "x"
    assert found["sources[0]"][1] == "otto.yaml:2, path by OTTO_GIT_PATH"


def test_git_of_the_command_line_takes_nothing_of_the_file(otto: Otto) -> None:
    otto.write("otto.yaml", TWO)
    found = settings(otto, "--git", "other.git")
    assert found["git"] == (["other.git"], "option --git")
    assert found["branch"] == (None, "default")
    assert found["path"] == (["manifests"], "default")
    assert found["manifests"] == (None, "none, beside git of option --git")
    assert settings(otto, "--git", "a", "--git", "b", "--path", "x")["path"] == (
        ["x", "x"],
        "option --path",
    )


def test_config_refuses_what_run_refuses_of_sources(otto: Otto) -> None:
    otto.write("otto.yaml", TWO)
    for given in (("--git", "a", "--branch", "x", "--branch", "y"), ("--path", "/x")):
        one, other = otto("config", *given), otto("run", *given)
        assert (one.code, one.out) == (1, "")
        assert one.err == other.err


def test_config_says_what_run_would_refuse(otto: Otto) -> None:
    done = otto("config", "-l", "a==b==c", "-o", "json")
    assert done.code == 0
    assert done.err.startswith("note: run refuses this: -l 'a==b==c' is no selector of labels")
    otto.write("otto.yaml", "selector: a,,b\n")
    assert otto("config").err.startswith(
        "otto.yaml:1:11: -l 'a,,b' is no selector of labels: at character 3"
    )


def test_a_selector_of_the_file_is_for_the_daemon(otto: Otto) -> None:
    otto.write("otto.yaml", "selector: tier=gold\n")
    assert settings(otto)["selector"] == ("tier=gold", "otto.yaml:1")
    path = otto.write("desk.yaml", manifest())
    assert otto("apply", "-f", path).code == 0
    assert "desk" in otto("get").out


def test_an_unset_variable_fails_only_who_needs_it(otto: Otto) -> None:
    text = "port: ${MISSING}\ndata-dir: state\nnlp: ${secret:WORD}\n"
    otto.write("otto.yaml", f"{text}sources: [{{git: 'g/${{REPO}}'}}]\n")
    otto.write("bots/desk.yaml", manifest())
    assert otto("validate", "bots").code == 0
    assert otto("apply", "-f", "bots").code == 0
    assert (otto.folder / "state" / "otto.db").is_file()
    assert otto("get").code == 0
    assert otto("init", "new").code == 0
    assert otto("schema").code == 0
    assert otto("--version").code == 0
    shown = otto("config", "-o", "json")
    assert shown.code == 0
    found = {one["name"]: (one["value"], one["origin"]) for one in shown.json()["settings"]}
    assert found["port"] == ("${MISSING}", "otto.yaml:1")
    assert "otto.yaml:1:7: the environment variable MISSING is not set" in shown.err
    assert "otto.yaml:3:6: the environment variable WORD is not set" in shown.err
    assert "otto.yaml:4:17: the environment variable REPO is not set" in shown.err
    done = otto("run")
    assert (done.code, done.out) == (1, "")
    assert "is not set (set it, or give a default: " in done.err
    done = otto("run", "--port", "0", "--git", "nowhere", "--nlp", "offline", "--interval", "-1")
    assert done.err.startswith("error: --interval -1")


def test_an_unset_folder_fails_who_reads_it(otto: Otto, tmp_path: Path) -> None:
    otto.write("otto.yaml", "sources: [{folder: '${WHERE}'}, {git: a}]\n")
    done = otto("validate")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("otto.yaml:1:20: the environment variable WHERE is not set")
    assert otto("get").code == 0


def test_diff_of_commits_is_not_about_the_sources(otto: Otto) -> None:
    otto.write("otto.yaml", "sources: [{git: a, path: x}, {git: b}]\n")
    done = otto("diff", "--git-ref", "HEAD")
    assert done.code == 1
    assert "[" not in done.err


def test_git_verify_of_the_file_starts_at_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "allowed").write_text("")
    (tmp_path / "conf" / "otto.yaml").write_text("git-verify: allowed\n")
    monkeypatch.chdir(tmp_path)
    said = read(Path("conf/otto.yaml")).values["git-verify"]
    assert Settings(git_verify=Path(said)).git_verify == tmp_path / "conf" / "allowed"
