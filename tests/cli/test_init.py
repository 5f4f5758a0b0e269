"""`init` in an empty folder and beside what is there; what `run` says without manifests."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
import yaml

from otto_reconcile import manifest
from tests.cli import command
from tests.cli.command import ROOT, Otto
from tests.e2e.harness import Place
from tests.sources.test_provenance import commit, git

FILES = [
    "manifests/hello.yaml",
    "otto.yaml",
    "schemas/manifest.schema.json",
    "schemas/otto.schema.json",
    ".github/workflows/otto-reconcile.yaml",
    ".gitignore",
]
EXAMPLES = sorted(path.stem for path in (ROOT / "manifests").glob("*.yaml"))


def found(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_an_empty_folder_gets_all_that_a_first_bot_needs(otto: Otto) -> None:
    done = otto("init")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [*(f"{f}: written" for f in FILES), "next: otto-reconcile run"]
    assert found(otto.folder) == sorted(FILES)
    assert otto("validate").out == "1 bot in 1 file is valid\n"
    assert otto("apply", "-f", "manifests").code == 0
    assert otto("config", "-o", "json").json()["file"] == "otto.yaml"
    assert ".otto/" in (otto.folder / ".gitignore").read_text().splitlines()


def test_editors_find_the_schemas(otto: Otto) -> None:
    otto("init")
    for name in ("manifests/hello.yaml", "otto.yaml"):
        text = (otto.folder / name).read_text()
        line = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        schema = json.loads((otto.folder / name).parent.joinpath(line).read_text())
        jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))


def test_a_file_that_is_there_is_named_and_stays(otto: Otto) -> None:
    otto.write(".gitignore", "mine\n")
    otto.write("manifests/hello.yaml", "mine\n")
    os.symlink("nowhere", otto.folder / "otto.yaml")
    done = otto("init")
    assert done.code == 0
    for name in (".gitignore", "manifests/hello.yaml", "otto.yaml"):
        assert f"{name}: there already, left as it is" in done.out
    assert (otto.folder / ".gitignore").read_text() == "mine\n"
    assert (otto.folder / "manifests/hello.yaml").read_text() == "mine\n"
    assert not (otto.folder / "nowhere").exists()
    assert (otto.folder / "schemas/otto.schema.json").is_file()


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_is_one_to_begin_with(otto: Otto, name: str) -> None:
    done = otto("init", "shop", "--example", name)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("next: cd shop && otto-reconcile run\n")
    (bot,) = manifest.load([otto.folder / "shop" / "manifests"], environ={}).bots
    assert bot.bot.id == name
    tools = yaml.safe_load((otto.folder / "shop" / "otto.yaml").read_text()).get("tools", [])
    assert all((otto.folder / "shop" / tool).is_file() for tool in tools)
    assert bool(tools) is (ROOT / "manifests" / "tools" / f"{name}.py").is_file()


def obeyed(otto: Otto, text: str, *lines: str) -> None:
    """The settings as somebody has them who does what `init` says."""
    otto.write("otto.yaml", text + "".join(f"{line}\n" for line in lines))


def test_settings_that_are_there_are_told_the_tools(otto: Otto) -> None:
    otto.write("otto.yaml", "interval: 60\n")
    done = otto("init", "--example", "healthcare")
    assert done.code == 0
    assert done.out.splitlines()[-3:] == [
        "otto.yaml: add this line, for the tools of the bot:",
        "  tools: [manifests/tools/healthcare.py]",
        "next: do what is said above, then otto-reconcile run",
    ]
    assert (otto.folder / "otto.yaml").read_text() == "interval: 60\n"
    obeyed(otto, "interval: 60\n", done.out.splitlines()[-2].strip())
    tools = otto("config", "-o", "json").json()["settings"]
    assert "manifests/tools/healthcare.py" in str(tools)
    assert otto("validate").out == "1 bot in 1 file is valid\n"
    assert "add" not in otto("init", "--example", "healthcare").out


def test_tools_that_are_there_stay_among_them(otto: Otto) -> None:
    text = "tools:\n  - mine.py\n  - shop.tools\n"
    otto.write("otto.yaml", text)
    said = otto("init", "--example", "healthcare").out.splitlines()
    assert said[-3:-1] == [
        "otto.yaml:1: write in the place of `tools`, for the tools of the bot:",
        "  tools: [mine.py, shop.tools, manifests/tools/healthcare.py]",
    ]
    obeyed(otto, "", said[-2].strip())
    assert otto("validate").code == 0


def test_a_bot_is_put_where_the_settings_look_for_it(otto: Otto) -> None:
    otto.write("otto.yaml", "sources: [{folder: our/bots}]\n")
    done = otto("init", "--example", "healthcare")
    assert "our/bots/healthcare.yaml: written" in done.out
    assert "  tools: [our/bots/tools/healthcare.py]\n" in done.out
    assert otto("validate").out == "1 bot in 1 file is valid\n"
    first = (otto.folder / "our/bots/healthcare.yaml").read_text().splitlines()[0]
    assert first.endswith("$schema=../../schemas/manifest.schema.json")
    assert not (otto.folder / "manifests").exists()


def test_a_repository_that_is_the_folder_of_manifests(otto: Otto) -> None:
    """Also if `init` did not know it yet: then `--path .` is what says so."""
    otto("init")
    done = otto("validate", ".")
    assert (done.code, done.out) == (0, "1 bot in 1 file is valid\n"), done.err
    assert "schemas/manifest.schema.json:1:1: this is no manifest: it is a JSON Schema" in done.err
    git(otto.folder, "init", "-q", "-b", "main")
    commit(otto.folder)
    otto.write("hello.yaml", (otto.folder / "manifests" / "hello.yaml").read_text())
    (otto.folder / "manifests" / "hello.yaml").unlink()
    commit(otto.folder)
    assert otto("diff", "--git-ref", "HEAD~1..HEAD", "--path", ".").code == 2, "no fault"


def test_in_a_folder_of_manifests_the_rest_is_ignored(otto: Otto) -> None:
    otto.write("otto.yaml", "sources: [{folder: .}]\n")
    assert ".ottoignore: written" in otto("init").out
    done = otto("validate")
    assert (done.code, done.out, done.err) == (0, "1 bot in 1 file is valid\n", "")


def test_sources_without_a_folder_are_told_one(otto: Otto) -> None:
    text = "sources:\n- git: https://git.example/a.git\n"
    otto.write("otto.yaml", text)
    said = otto("init").out.splitlines()
    assert said[-3:-1] == [
        "otto.yaml:1: add to `sources`, so that the bot is read:",
        "  - folder: manifests",
    ]
    obeyed(otto, text, said[-2].strip())
    assert otto("validate").out == "1 bot in 1 file is valid\n"


def test_settings_with_one_manifest_are_told_a_folder(otto: Otto) -> None:
    otto.write("otto.yaml", "manifests: desk.yaml\n")
    otto.write("desk.yaml", command.manifest())
    said = otto("init").out.splitlines()
    assert said[-4:-1] == [
        "otto.yaml:1: this names one manifest, desk.yaml, and not the new one:",
        "move it into manifests/, and write in its place:",
        "  manifests: manifests",
    ]
    (otto.folder / "desk.yaml").rename(otto.folder / "manifests/desk.yaml")
    obeyed(otto, "", said[-2].strip())
    assert otto("validate").out == "2 bots in 2 files are valid\n"


def test_settings_that_cannot_be_read_are_named(otto: Otto) -> None:
    otto.write("otto.yaml", "intervall: 60\n")
    done = otto("init", "--example", "healthcare")
    assert done.code == 0
    assert "otto.yaml:1:1: unknown key `intervall` (did you mean `interval`?)\n" in done.out
    assert "  tools: [manifests/tools/healthcare.py]\n" in done.out


def test_a_gitignore_that_is_there_is_told_what_it_lacks(otto: Otto) -> None:
    otto.write(".gitignore", "/.env\nmine\n")
    assert otto("init").out.splitlines()[-3:-1] == [
        ".gitignore: add, so that nothing secret is committed:",
        "  .otto/",
    ]


def test_an_example_that_is_none_names_the_nearest(otto: Otto) -> None:
    done = otto("init", "--example", "order-dsk")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: there is no example 'order-dsk'\nhint: did you mean `order-desk`?\n"
    )
    assert found(otto.folder) == []


def test_nothing_is_left_of_what_cannot_be_written(otto: Otto) -> None:
    otto.write(".github", "a file in the way")
    done = otto("init")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: cannot write .github/workflows")
    assert found(otto.folder) == [".github"]


def test_run_without_manifests_names_init(tmp_path: Path) -> None:
    place = Place(tmp_path)
    hint = "no manifest yet: `otto-reconcile init` makes a first bot"
    with place.forked("--port", "0") as daemon:
        assert hint in daemon.output
        assert place.command("init").returncode == 0
        daemon.wait_synced("hello")
    with place.forked("--port", "0") as daemon:
        assert hint not in daemon.output
