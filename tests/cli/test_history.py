"""`history`, `show`, `diff BOT@3..7`, `blame`, `rollback`: without daemon and target."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.model import Bot
from otto_reconcile.store.sqlite import SQLiteStore
from tests.cli.command import Otto, manifest
from tests.sources.test_provenance import commit, git

LONG = "You help customers of the shop with their orders. Ask for the order number first, {0}."
KEY = {"DESK_KEY": "geheim123", "OTTO_ALLOW_ENV": "DESK_KEY"}


def text(action: str = "Ask for its number", then: str = "and never promise a date") -> str:
    plain = manifest(action=action)
    return plain.replace("Helps customers with their orders.", f'"{LONG.format(then)}"')


@pytest.fixture
def desk(otto: Otto) -> Otto:
    """Revision 2 has another description, 3 another action; the manifest is as 3 is."""
    path = otto.write("manifests/desk.yaml", text())
    for more in ({}, {"then": "then be brief"}, {"then": "then be brief", "action": "Say hello"}):
        path.write_text(text(**more))
        done = otto("apply", "-f", "manifests", "--prune")
        assert done.code == 0, done.err
    return otto


def described(otto: Otto) -> Any:
    return otto("get", "desk", "-o", "json").json()["manifest"]["spec"]


def test_history_has_author_and_subject_of_a_commit(otto: Otto) -> None:
    store = SQLiteStore(otto.write(".otto/otto.db", ""))
    source = Source(
        "git", path="desk.yaml", commit="abc123", author="Ann <ann@example.com>", subject="Shorter"
    )
    DesiredState(store).put(Bot(id="desk", name="Desk"), source=source, actor="git")
    store.close()
    header, row = otto("history", "desk").out.splitlines()
    columns = ["REVISION", "TYPE", "TIME", "ACTOR", "SOURCE", "COMMIT", "AUTHOR", "SUBJECT"]
    assert header.split()[:8] == columns
    assert "abc123  Ann <ann@example.com>  Shorter" in row
    shown = otto("show", "desk").out
    assert "# commit abc123 by Ann <ann@example.com>: Shorter\n" in shown
    (name,) = otto("blame", "desk", "-o", "json").json()
    assert (name["field"], name["commit"], name["author"]) == (
        "name",
        "abc123",
        "Ann <ann@example.com>",
    )


def test_show_has_the_manifest_of_a_revision(desk: Otto) -> None:
    done = desk("show", "desk@2")
    head = done.out.splitlines()[:3]
    assert head[0] == "# desk, revision 2"
    assert head[1].startswith("# updated 20")
    assert head[1].endswith(" by ann")
    assert head[2].startswith("# from ")
    spec = yaml.safe_load(done.out)["spec"]
    assert spec["description"] == LONG.format("then be brief")
    assert spec["guidelines"][0]["action"] == "Ask for its number"
    newest = desk("show", "desk", "-o", "json").json()
    assert (newest["revision"], newest["manifest"]["spec"]) == (3, described(desk))
    again = desk("validate", desk.write("again.yaml", done.out))
    assert (again.code, again.out) == (0, "1 bot in 1 file is valid\n")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["show", "desk@99"], "bot 'desk' has no revision 99\nhint: there are 1 to 3"),
        (["diff", "desk@99"], "bot 'desk' has no revision 99\nhint: there are 1 to 3"),
        (["diff", "desk@1..99"], "bot 'desk' has no revision 99\nhint: there are 1 to 3"),
        (["rollback", "desk", "--to", "99"], "bot 'desk' has no revision 99\nhint: there are"),
        (["show", "dask@1"], "there never was a bot 'dask'\nhint: did you mean `desk`?"),
        (["blame", "dask"], "there never was a bot 'dask'\nhint: did you mean `desk`?"),
        (["rollback", "dask", "--to", "1"], "there never was a bot 'dask'\nhint: did you mean"),
        (["show", "desk@x"], "desk@x names no revision\nhint: write BOT@3, BOT@3..7"),
        (["show", "desk@"], "desk@ names no revision\nhint: write BOT@3"),
        (["show", "desk@1..2"], "desk@1..2 names several revisions\nhint: otto-reconcile diff"),
        (["diff", "desk@1", "other"], "desk@1 stands alone, without other\nhint: "),
        (["diff", "desk@1", "-f", "manifests"], "desk@1 stands alone, without --file\nhint: "),
        (["diff", "desk@1", "--prune-unmanaged"], "desk@1 stands alone, without --prune-unman"),
    ],
)
def test_an_error_says_what_there_is(desk: Otto, arguments: list[str], error: str) -> None:
    done = desk(*arguments)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {error}")
    assert "Traceback" not in done.err


def test_diff_marks_words_inside_long_texts(desk: Otto) -> None:
    done = desk("diff", "desk@1..2")
    assert done.code == 2
    said = "Ask for the order number first, [-and never promise a date-]{+then be brief+}."
    assert said in done.out
    assert done.out.splitlines()[0] == "desk@1..2"
    assert done.out.splitlines()[-1] == "1 changed"
    shown = desk.on_terminal("diff", "desk@1..2").out
    assert "first, \x1b[31mand never promise a date\x1b[0m\x1b[32mthen be brief\x1b[0m." in shown
    assert "[-and never" in desk.on_terminal("diff", "desk@1..2", NO_COLOR="1").out


@pytest.mark.parametrize(
    ("named", "ends", "fields"),
    [
        ("desk@1..3", (1, 3), [("bot", ["description"]), ("guideline", ["action"])]),
        ("desk@1..", (1, 3), [("bot", ["description"]), ("guideline", ["action"])]),
        ("desk@2", (2, 3), [("guideline", ["action"])]),
        ("desk@3..2", (3, 2), [("guideline", ["action"])]),
        ("desk@3", (3, 3), []),
    ],
)
def test_diff_of_two_revisions(
    desk: Otto, named: str, ends: tuple[int, int], fields: list[tuple[str, list[str]]]
) -> None:
    done = desk("diff", named, "-o", "json")
    found = done.json()
    assert done.code == (2 if fields else 0)
    assert (found["from"]["revision"], found["to"]["revision"]) == ends
    assert [(c["kind"], [f["field"] for f in c["changes"]]) for c in found["changes"]] == fields
    assert yaml.safe_load(desk("diff", named, "-o", "yaml").out) == found


def test_diff_of_revisions_as_markdown(desk: Otto) -> None:
    done = desk("diff", "desk@1..3", "-o", "markdown")
    assert done.out.startswith("### desk@1..3\n\n- revision 1, created ")
    assert "```diff\n~ update bot desk\n" in done.out
    assert done.out.endswith("```\n\n**2 changed**\n")


def test_a_secret_is_shown_in_no_revision(otto: Otto) -> None:
    for value in ("geheim123", "anders456"):
        path = otto.write("desk.yaml", manifest(action='"Say ${DESK_KEY}"'))
        assert otto("apply", "-f", path, **{**KEY, "DESK_KEY": value}).code == 0
    shown = [
        otto("show", "desk@1"),
        otto("show", "desk@1", "-o", "json"),
        otto("blame", "desk", "-o", "json"),
        otto("rollback", "desk", "--to", "1", "--dry-run"),
        *(otto("diff", "desk@1", "-o", form) for form in ("table", "json", "yaml", "markdown")),
    ]
    assert "${DESK_KEY}" in shown[0].out
    assert "action: (masked) -> (masked, changed)" in otto("diff", "desk@1").out
    for done in shown:
        assert done.code in (0, 2), done.err
        assert "geheim123" not in done.out + done.err
        assert "anders456" not in done.out + done.err


def test_blame_names_the_revision_of_each_piece(desk: Otto) -> None:
    found = {
        (one["kind"], one["id"], one["field"]): (one["revision"], one["actor"])
        for one in desk("blame", "desk", "-o", "json").json()
    }
    assert found == {
        ("bot", "desk", "name"): (1, "ann"),
        ("bot", "desk", "description"): (2, "ann"),
        ("guideline", "desk.status", None): (3, "ann"),
        ("journey", "desk.return", None): (1, "ann"),
    }
    header = desk("blame", "desk").out.splitlines()[0]
    assert header.split()[:4] == ["KIND", "ID", "FIELD", "REVISION"]


def test_rollback_makes_a_new_revision(desk: Otto) -> None:
    done = desk("rollback", "desk", "--to", "1", "--yes", "--reason", "customers left")
    assert done.code == 0, done.err
    assert "~ update guideline desk.status" in done.out
    assert done.out.endswith("desk rolled back to revision 1, revision 4\n")
    assert "desk.yaml says otherwise, and is not heeded until it changes" in done.err
    assert described(desk)["description"] == LONG.format("and never promise a date")
    newest = desk("history", "desk", "-o", "json").json()[0]
    assert (newest["revision"], newest["type"], newest["source"]["kind"]) == (
        4,
        "updated",
        "rollback",
    )
    assert newest["source"]["note"] == "to revision 1: customers left"
    assert desk("diff", "desk@1..4").code == 0
    again = desk("rollback", "desk", "--to", "1", "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "desk is as in revision 1 already")
    assert len(desk("history", "desk", "-o", "json").json()) == 4


def test_rollback_asks_first(desk: Otto) -> None:
    done = desk("rollback", "desk", "--to", "1")
    assert done.code == 1
    assert "~ update guideline desk.status" in done.out
    assert done.err == (
        "error: nothing was rolled back: this needs to be confirmed\nhint: add --yes\n"
    )
    asked = desk.on_terminal("rollback", "desk", "--to", "1", typed="n\n")
    assert asked.code == 1
    assert "Roll this bot back to revision 1?" in asked.out
    assert len(desk("history", "desk", "-o", "json").json()) == 3
    assert desk.on_terminal("rollback", "desk", "--to", "1", typed="y\n").code == 0
    assert len(desk("history", "desk", "-o", "json").json()) == 4


@pytest.mark.parametrize("others", [False, True])
def test_rollback_prints_commands_or_what_is_in_their_way(otto: Otto, others: bool) -> None:
    git(otto.folder, "init", "-q", "-b", "main")
    for action in ("One", "Two"):
        parts = [manifest(action=action), manifest("shop", "Shop", action)]
        otto.write("manifests/desk.yaml", "---\n".join(parts[: 1 + others]))
        commit(otto.folder)
        assert otto("apply", "-f", "manifests", "--prune").code == 0
    done = otto("rollback", "desk", "--to", "1", "--yes")
    if others:
        assert "desk.yaml also holds shop, which would be taken back too" in done.err
        assert "git commit -m" not in done.err
        assert "`otto-reconcile show desk@1` prints" in done.err
    else:
        assert "note: in the repository: git checkout " in done.err


def test_a_dry_run_of_a_rollback_changes_nothing(desk: Otto) -> None:
    done = desk("rollback", "desk", "--to", "1", "--dry-run", "-o", "json")
    assert done.code == 2
    assert (done.json()["result"], done.json()["revision"]) == ("differs", None)
    assert done.json()["summary"] == {"create": 0, "update": 2, "delete": 0}
    same = desk("rollback", "desk", "--to", "3", "--dry-run")
    assert (same.code, same.err) == (0, "")
    assert len(desk("history", "desk", "-o", "json").json()) == 3


def test_a_deleted_bot_comes_back_by_a_rollback(desk: Otto) -> None:
    desk("delete", "desk", "--yes")
    deleted = desk("show", "desk")
    assert (deleted.code, deleted.err.splitlines()[-1]) == (1, "hint: otto-reconcile show desk@3")
    assert "bot 'desk' was deleted: revision 4, deleted 20" in deleted.err
    assert "was deleted" in desk("rollback", "desk", "--to", "4", "--yes").err
    gone = desk("diff", "desk@3")
    assert (gone.code, gone.out.splitlines()[-1]) == (2, "3 gone")
    done = desk("rollback", "desk", "--to", "2", "--yes")
    assert done.out.endswith("desk rolled back to revision 2, revision 5\n")
    assert described(desk)["guidelines"][0]["action"] == "Ask for its number"


def test_a_rollback_leaves_a_suspension_as_it_is(desk: Otto) -> None:
    desk("suspend", "desk")
    done = desk("rollback", "desk", "--to", "1", "--yes")
    assert "desk is suspended: its target stays as it is until it is resumed" in done.err
    assert desk("get", "-o", "json").json()["bots"][0]["suspended"] is True
    desk("resume", "desk")
    desk("rollback", "desk", "--to", "4", "--yes")  # that of the suspension
    assert desk("get", "-o", "json").json()["bots"][0]["suspended"] is False


def test_whoever_applies_the_manifest_ends_a_rollback(desk: Otto) -> None:
    desk("rollback", "desk", "--to", "1", "--yes")
    done = desk("apply", "-f", "manifests/desk.yaml")
    assert done.out.splitlines()[-1].split() == ["desk", "updated", "5"]
    assert described(desk)["guidelines"][0]["action"] == "Say hello"


WORDS = """\
apiVersion: otto/v1
kind: Glossary
metadata: {{id: words}}
spec: {{used_by: {{all: true}}, terms: [{{name: RMA, description: {0}}}]}}
"""


def test_what_bots_share_has_revisions_too(otto: Otto) -> None:
    for said in ("A number.", "A text."):
        otto("apply", "-f", otto.write("words.yaml", WORDS.format(said)))
    assert yaml.safe_load(otto("show", "glossary/words@1").out)["kind"] == "Glossary"
    assert "~ update term rma" in otto("diff", "glossary/words@1..2").out
    assert [one["kind"] for one in otto("blame", "glossary/words", "-o", "json").json()] == [
        "glossary",
        "term",
    ]
    asked = otto.on_terminal("rollback", "glossary/words", "--to", "1", typed="y\n")
    assert "Roll glossary/words back to revision 1?" in asked.out
    assert otto("diff", "glossary/words@1..3").code == 0


def test_a_damaged_revision_is_mended_by_a_rollback(desk: Otto) -> None:
    store = SQLiteStore(desk.folder / ".otto/otto.db")
    (newest,) = store.find("events", {"bot_id": "desk", "revision": 3})
    store.put("events", [{**newest, "bot": {"id": "desk"}}])
    store.close()
    assert "revision 3 cannot be read" in desk("show", "desk").err
    assert "revision 3 cannot be read" in desk("diff", "desk@1").err
    done = desk("rollback", "desk", "--to", "2", "--yes")
    assert done.code == 0, done.err
    assert described(desk)["description"] == LONG.format("then be brief")


def test_hostile_texts_stay_on_one_line(otto: Otto) -> None:
    otto("apply", "-f", "-", stdin=manifest())
    otto("suspend", "desk", "--reason", "one\ntwo: \x1b[2J")
    head = otto("show", "desk").out.splitlines()[:5]
    assert [line[:2] for line in head] == ["# ", "# ", "# ", "# ", "ap"]
    assert "\x1b" not in otto("show", "desk").out + otto("diff", "desk@2").out
