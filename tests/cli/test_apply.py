"""`validate`, `apply`, `get`, `export`, `history`: from text to the desired state and back."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from otto_reconcile.store.sqlite import SQLiteStore
from tests.cli.command import Otto, manifest

Announce = Callable[..., dict[str, Any]]
SPECIFICATION = {
    "name": "Parcel Helper",
    "purpose": "Help with parcels",
    "scope": "Parcels only",
    "target_users": ["Customers"],
    "use_cases": ["Where is it"],
    "tone": "Friendly",
    "personality": "Calm",
    "tools": [],
    "constraints": ["No refunds"],
    "guardrails": ["No promises"],
    "guidelines": [
        {
            "condition": "The customer asks where a parcel is",
            "action": "Ask for its number",
            "description": "Parcels",
            "criticality": "HIGH",
        }
    ],
    "journeys": [],
}


def bots(otto: Otto) -> dict[str, Any]:
    return {bot["bot"]: bot for bot in otto("get", "-o", "json").json()["bots"]}


def test_validate_names_every_fault_with_its_place(otto: Otto) -> None:
    otto.write("manifests/b.yaml", manifest().replace("name: Desk", "name: Desk\n  nmae: x"))
    otto.write("manifests/a.yaml", "apiVersion: otto/v1\nkind: Bot\n")
    otto.write("manifests/good.yaml", manifest("good", "Good"))
    done = otto("validate")
    assert done.code == 1
    places = [re.match(r"manifests/(\w+)\.yaml:(\d+):(\d+): ", x) for x in done.err.splitlines()]
    found = [(m[1], int(m[2]), int(m[3])) for m in places if m]
    assert found == sorted(found)
    assert {"a", "b"} == {file for file, _, _ in found}
    assert ("b", 6, 3) in found
    listed = otto("validate", "-o", "json").json()
    assert listed["valid"] is False
    assert [(p["file"], p["line"]) for p in listed["problems"]] == [
        (f"manifests/{file}.yaml", line) for file, line, _ in found
    ]


def test_validate_counts_what_is_valid(otto: Otto) -> None:
    otto.write("manifests/two.yaml", manifest() + "---\n" + manifest("depot", "Depot"))
    path = otto.write("spec.json", json.dumps(SPECIFICATION))
    assert otto("validate").out == "2 bots in 1 file are valid\n"
    assert otto("validate", "manifests", path).out == "3 bots in 2 files are valid\n"
    counts = {"valid": True, "bots": 2, "shared": 0}
    assert otto("validate", "-o", "json").json() == {**counts, "problems": [], "notes": []}


def test_validate_stops_listing_after_a_hundred(otto: Otto) -> None:
    lines = "\n".join(f"  wrong{n}: 1" for n in range(130))
    path = otto.write("many.yaml", manifest() + lines + "\n")
    done = otto("validate", path)
    assert len(done.err.splitlines()) == 102
    assert "and 30 more" in done.err
    assert len(otto("validate", path, "-o", "json").json()["problems"]) == 130


def test_a_wrong_file_in_a_folder_changes_nothing(otto: Otto) -> None:
    otto.write("manifests/good.yaml", manifest())
    otto.write("manifests/bad.yaml", "apiVersion: otto/v2\n")
    assert otto("apply", "-f", "manifests").code == 1
    assert bots(otto) == {}


@pytest.mark.parametrize("command", [["apply", "-f"], ["validate"], ["diff", "-f"]])
def test_nothing_to_read_is_an_error(otto: Otto, command: list[str]) -> None:
    path = otto.write("comments.yaml", "# nothing yet\n---\n")
    done = otto(*command, path)
    assert (done.code, done.err) == (1, f"error: no manifests in {path}\n")
    done = otto(*command, "-")
    assert (done.code, done.err) == (1, "error: no manifests in standard input\n")
    if command[0] != "diff":
        otto.write("empty/readme.txt", "no manifest")
        done = otto(*command, "empty")
        assert (done.code, done.out) == (1, "")
        assert done.err == "error: no manifests in empty: *.yaml, *.yml, *.json\n"
    assert not (otto.folder / ".otto").exists()


def test_a_folder_that_was_emptied_is_no_way_round_the_guard(otto: Otto) -> None:
    path = otto.write("manifests/desk.yaml", manifest())
    otto("apply", "-f", "manifests")
    path.unlink()
    assert otto("apply", "-f", "manifests").code == 1
    done = otto("apply", "-f", "manifests", "--prune")
    assert (done.code, "refused to delete all bots" in done.err) == (1, True)
    assert sorted(bots(otto)) == ["desk"]


def test_apply_creates_updates_and_leaves_alone(otto: Otto) -> None:
    path = otto.write("desk.yaml", manifest())
    first = otto("apply", "-f", path, "-o", "json").json()
    assert first["bots"] == [{"bot": "desk", "result": "created", "revision": 1}]
    assert "unchanged" in otto("apply", "-f", path).out
    otto.write("desk.yaml", manifest(action="Say hello"))
    again = otto("apply", "-f", path, "-o", "json").json()
    assert again["bots"] == [{"bot": "desk", "result": "updated", "revision": 2}]
    assert bots(otto)["desk"]["source"]["path"] == str(path)
    assert bots(otto)["desk"]["actor"] == "ann"


def test_a_dry_run_shows_fields_and_changes_nothing(otto: Otto) -> None:
    path = otto.write("desk.yaml", manifest())
    done = otto("apply", "-f", path, "--dry-run")
    assert done.code == 2
    assert "+ create guideline desk.status" in done.out
    assert list(otto.folder.iterdir()) == [path]
    otto("apply", "-f", path)
    assert otto("apply", "-f", path, "--dry-run").code == 0
    otto.write("desk.yaml", manifest(action="Say hello"))
    done = otto("apply", "-f", path, "--dry-run")
    assert done.code == 2
    assert '      action: "Ask for its number" -> "Say hello"\n' in done.out
    assert bots(otto)["desk"]["revision"] == 1


def test_apply_reads_standard_input_and_specifications(otto: Otto) -> None:
    assert otto("apply", "-f", "-", stdin=manifest()).code == 0
    path = otto.write("spec.json", json.dumps(SPECIFICATION))
    assert otto("apply", "-f", path).code == 0
    assert otto("apply", "-f", "-", stdin=json.dumps({**SPECIFICATION, "name": "Other"})).code == 0
    found = bots(otto)
    assert sorted(found) == ["desk", "other", "parcel-helper"]
    assert found["parcel-helper"]["source"]["kind"] == "specification"
    assert found["desk"]["source"]["kind"] == "manifest"


def test_a_wrong_specification_is_refused_with_every_fault(otto: Otto) -> None:
    wrong = {k: v for k, v in SPECIFICATION.items() if k not in ("purpose", "journeys")}
    done = otto("apply", "-f", otto.write("spec.json", json.dumps(wrong, indent=1)))
    assert done.code == 1
    assert "purpose" in done.err
    assert "journeys" in done.err
    assert bots(otto) == {}


@pytest.mark.parametrize("name", ["Otto", "otto"])
def test_the_reserved_bot_is_refused(otto: Otto, name: str) -> None:
    done = otto("apply", "-f", "-", stdin=json.dumps({**SPECIFICATION, "name": name}))
    assert done.code == 1
    assert "reserved" in done.err


def test_the_same_bot_twice_is_refused(otto: Otto) -> None:
    spec = otto.write("spec.json", json.dumps({**SPECIFICATION, "name": "Desk"}))
    done = otto("apply", "-f", otto.write("desk.yaml", manifest()), "-f", spec)
    assert done.code == 1
    assert "desk" in done.err
    assert bots(otto) == {}


def test_prune_deletes_what_left_the_folder_and_nothing_else(otto: Otto) -> None:
    for number in range(3):
        otto.write(f"manifests/b{number}.yaml", manifest(f"b{number}", f"Bot {number}"))
    otto("apply", "-f", "manifests")
    otto("apply", "-f", "-", stdin=manifest("other", "Other"))
    (otto.folder / "manifests/b1.yaml").unlink()
    assert "b1" not in otto("apply", "-f", "manifests").out
    assert sorted(bots(otto)) == ["b0", "b1", "b2", "other"]
    done = otto("apply", "-f", "manifests", "--prune")
    assert done.code == 0
    assert sorted(bots(otto)) == ["b0", "b2", "other"]
    assert otto("apply", "-f", "-", "--prune", stdin=manifest()).code == 1


def test_single_file_of_the_watched_folder_belongs_to_it(otto: Otto) -> None:
    for number in range(3):
        path = otto.write(f"manifests/b{number}.yaml", manifest(f"b{number}", f"Bot {number}"))
        otto("apply", "-f", path)
    otto("apply", "-f", otto.write("b3.yaml", manifest("b3", "Bot 3")))
    roots = {bot["source"].get("root") for bot in bots(otto).values()}
    assert roots == {str((otto.folder / "manifests").resolve()), None}
    path.unlink()
    otto("apply", "-f", "manifests", "--prune")
    assert sorted(bots(otto)) == ["b0", "b1", "b3"]


def test_prune_keeps_what_a_link_in_the_folder_leads_to(otto: Otto) -> None:
    """Also one to a file elsewhere, under any name of the folder."""
    otto.write("manifests/shop.yaml", manifest("shop"))
    otto.write("desk.yaml", manifest())
    (otto.folder / "manifests" / "desk.yaml").symlink_to("../desk.yaml")
    (otto.folder / "current").symlink_to("manifests")
    tidy = ("manifests", "manifests", "current", str(otto.folder / "manifests"))
    for folder in (*tidy, "manifests/../manifests", "./manifests/"):
        done = otto("apply", "-f", folder, "--prune")
        assert (done.code, "deleted" in done.out) == (0, False)
    revisions = json.loads(otto("history", "desk", "-o", "json").out)
    assert {one["type"] for one in revisions} == {"created"}
    (otto.folder / "manifests" / "desk.yaml").unlink()
    assert "desk  deleted" in otto("apply", "-f", "manifests", "--prune").out


def test_prune_keeps_what_the_guard_keeps(otto: Otto) -> None:
    for number in range(4):
        otto.write(f"manifests/b{number}.yaml", manifest(f"b{number}", f"Bot {number}"))
    otto("apply", "-f", "manifests")
    for number in range(1, 4):
        (otto.folder / f"manifests/b{number}.yaml").unlink()
    done = otto("apply", "-f", "manifests", "--prune")
    assert done.code == 1
    assert "refused to delete" in done.err
    assert "otto-reconcile delete b1 b2 b3" in done.err
    assert len(bots(otto)) == 4


def test_a_fresh_checkout_takes_over_and_names_what_is_left(otto: Otto) -> None:
    for name in ("a", "b", "c"):
        otto.write(f"first/{name}.yaml", manifest(name))
        if name != "c":
            otto.write(f"second/{name}.yaml", manifest(name))
    otto("apply", "-f", "first", "--prune")
    assert otto("apply", "-f", "second", "--prune", "--dry-run").code == 2
    done = otto("apply", "-f", "second", "--prune")
    rows = [line.split() for line in done.out.splitlines()[1:]]
    assert (done.code, rows) == (0, [["a", "moved", "2"], ["b", "moved", "2"]])
    assert "otto-reconcile delete c" in done.err
    assert sorted(bots(otto)) == ["a", "b", "c"]
    done = otto("apply", "-f", "second", "--prune")
    assert (done.err, [line.split()[1] for line in done.out.splitlines()]) == (
        "",
        ["RESULT", "unchanged", "unchanged"],
    )


def test_apply_records_the_git_commit(otto: Otto) -> None:
    path = otto.write("repo/desk.yaml", manifest())
    git = ["git", "-C", str(path.parent), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, timeout=30)
    asked = [*git, "rev-parse", "--short=12", "HEAD"]
    commit = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=30).stdout
    otto("apply", "-f", path)
    assert bots(otto)["desk"]["source"]["commit"] == commit.strip()
    assert commit.strip() in otto("history", "desk").out


def test_secrets_are_shown_nowhere(otto: Otto) -> None:
    names = ["SHOP_TOKEN", "DB_PWD", "SSH_PASSPHRASE", "SHOP_DSN", "SESSION_COOKIE", "BACKEND"]
    action = " ".join(f"${{{name}}}" for name in names)
    path = otto.write("desk.yaml", manifest(action=f'"Use {action}"'))
    one = dict.fromkeys(names, "s3cret-one") | {"BACKEND": "https://u:s3cret-one@backend"}
    allowed = ("--allow-env", "S*_*", "--allow-env", "BACKEND", "--allow-env", "DB_PWD")
    shown = otto("apply", "-f", path, "--dry-run", *allowed, **one).out
    assert "action: (masked)" in shown
    otto("apply", "-f", path, *allowed, **one)
    two = one | {"SHOP_TOKEN": "s3cret-two", "OTTO_ALLOW_ENV": "*"}
    changed = otto("apply", "-f", path, "--dry-run", **two)
    assert "action: (masked) -> (masked, changed)" in changed.out
    outputs = [changed.out, shown]
    for command in (["get"], ["get", "desk"], ["export"], ["history", "desk"]):
        outputs += [otto(*command).out]
    for command in (["get"], ["get", "desk"], ["history", "desk"]):
        outputs += [otto(*command, "-o", "json").out]
    assert "${SHOP_TOKEN}" in outputs[3]
    assert not any("s3cret" in output for output in outputs)


def test_a_manifest_reads_no_secret_that_is_not_allowed(otto: Otto) -> None:
    path = otto.write("desk.yaml", manifest(action='"Use ${DB_PWD}"'))
    for command in (["apply", "-f", path], ["validate", path], ["graph", "desk", "-f", path]):
        done = otto(*command, DB_PWD="s3cret-one", OTTO_ALLOW_ENV="SHOP_*")
        assert done.code == 1
        assert done.err.startswith(f"{path}:8:76: the environment variable DB_PWD looks like a")
        assert "--allow-env DB_PWD" in done.err
        assert "s3cret" not in done.out + done.err
    assert otto("get", "-o", "json").json()["bots"] == []


def test_a_login_in_a_url_is_shown_nowhere(otto: Otto) -> None:
    """Where it stands in the manifest itself, which `export` gives back as it is."""
    before, after = (f"Look at https://joe:s3cret-{n}@shop/stock" for n in ("one", "two"))
    path = otto.write("desk.yaml", manifest(action=f'"{before}"'))
    outputs = [otto("apply", "-f", path, "--dry-run", *form).out for form in ((), ("-o", "json"))]
    assert "https://(masked)@shop/stock" in outputs[0]
    otto("apply", "-f", path)
    otto.write("desk.yaml", manifest(action=f'"{after}"'))
    outputs += [otto("apply", "-f", path, "--dry-run").out]
    assert "(masked)@shop/stock" in outputs[2]
    assert "(masked, changed)@shop/stock" in outputs[2]
    assert not any("s3cret" in output or "joe" in output for output in outputs)
    assert before in otto("export", "desk").out


def test_wait_returns_when_the_daemon_says_synced(otto: Otto, daemon: Announce) -> None:
    path = otto.write("desk.yaml", manifest())
    daemon({"bot_id": "desk", "revision": 1, "sync": "Synced", "health": "Healthy"})
    assert otto("apply", "-f", path, "--wait", "--timeout", 20).code == 0


@pytest.mark.parametrize(
    ("revision", "health", "said"),
    [
        (1, "Degraded", "desk is Degraded: it broke"),
        (1, "Suspended", "resume desk"),
        (0, "Degraded", "not Synced: desk"),  # that was about an earlier revision
    ],
)
def test_wait_fails_when_it_will_not_be(
    otto: Otto, daemon: Announce, revision: int, health: str, said: str
) -> None:
    daemon(
        {"bot_id": "desk", "revision": revision, "sync": "OutOfSync", "health": health}
        | {"message": "it broke"}
    )
    done = otto("apply", "-f", "-", "--wait", "--timeout", 0.5, stdin=manifest())
    assert done.code == 1
    assert said in done.err


def test_wait_without_a_daemon_writes_nothing(otto: Otto) -> None:
    done = otto("apply", "-f", "-", "--wait", stdin=manifest())
    assert done.code == 1
    assert "no daemon is running" in done.err
    assert bots(otto) == {}


def test_what_is_exported_applies_without_a_change(otto: Otto) -> None:
    otto("apply", "-f", "-", stdin=manifest() + "---\n" + manifest("depot", "Depot"))
    done = otto("export", "--output", "out/")
    assert done.code == 0
    assert sorted(p.name for p in (otto.folder / "out").iterdir()) == ["depot.yaml", "desk.yaml"]
    again = otto("apply", "-f", "out", "--dry-run", "-o", "json")
    assert again.code == 0
    assert {bot["result"] for bot in again.json()["bots"]} == {"unchanged"}
    one = otto("export", "desk").out
    assert yaml.safe_load(one)["metadata"]["id"] == "desk"
    assert one == otto("get", "desk").out


def test_export_leaves_a_file_whole_if_there_is_no_room(
    otto: Otto,
) -> None:
    otto("apply", "-f", "-", stdin=manifest())
    assert otto("export", "--output", "/dev/null", "desk").code == 0
    done = otto("export", "--output", "/dev/full", "desk")
    assert (done.code, done.out) == (1, "")
    assert done.err == ("error: cannot write /dev/full: No space left on device\nhint: make room\n")
    kept = otto.write("desk.yaml", "mine\n")
    (otto.folder / "link.yaml").symlink_to("desk.yaml")
    limited = f"ulimit -f 0; exec {shlex.join(otto.command('export', '--force', '--output'))}"
    for name in ("desk.yaml", "link.yaml"):
        code = subprocess.run(
            ["bash", "-c", f"trap '' XFSZ; {limited} {name} desk"],
            cwd=otto.folder, env=otto.environ, check=False, capture_output=True,
        ).returncode  # fmt: skip
        assert code == 1
        assert kept.read_text() == "mine\n"
        assert otto("export", "--force", "--output", "link.yaml", "desk").code == 0
        assert "name: Desk" in kept.read_text()
        assert (otto.folder / "link.yaml").is_symlink()
        kept.write_text("mine\n")
    assert {one.name for one in otto.folder.iterdir()} <= {".otto", "desk.yaml", "link.yaml"}


def test_export_waits_for_no_reader_and_names_the_given_place(otto: Otto) -> None:
    otto("apply", "-f", "-", stdin=manifest())
    os.mkfifo(otto.folder / "pipe.yaml")
    done = otto("export", "--output", "pipe.yaml", "desk")
    assert done.code == 1
    assert done.err.endswith("pipe.yaml: No such device or address\nhint: nobody reads this pipe\n")
    (otto.folder / "round").symlink_to("round")
    for place in ("/dev/full/x.yaml", "round/x.yaml", f"{'x' * 300}.yaml"):
        done = otto("export", "--output", place, "desk")
        assert done.code == 1
        assert f"error: cannot write {place}: " in done.err
        assert "hint: " in done.err
        assert ".tmp" not in done.err


def test_unreadable_bot_fails_export_and_has_a_history(otto: Otto) -> None:
    for name in ("desk", "shop"):
        otto("apply", "-f", "-", stdin=manifest(name, name))
    store = SQLiteStore(otto.folder / ".otto" / "otto.db")
    store.swap("events", {"bot_id": "desk"}, {"bot": "x"})
    store.close()
    done = otto("export")
    assert done.code == 1
    assert "id: shop" in done.out
    why = "its newest revision is damaged: a field has a value of another kind"
    assert f"warning: bot 'desk' is left out: {why}" in done.err
    done = otto("history", "desk")
    assert done.code == 1
    assert "error: bot 'desk': none of its revisions can be read" in done.err


def test_export_writes_over_nothing_unless_forced(otto: Otto) -> None:
    otto("apply", "-f", "-", stdin=manifest() + "---\n" + manifest("depot", "Depot"))
    mine = otto.write("out/desk.yaml", "mine")
    done = otto("export", "--output", "out")
    assert done.code == 1
    assert "out/desk.yaml" in done.err
    assert [path.name for path in (otto.folder / "out").iterdir()] == ["desk.yaml"]
    assert mine.read_text() == "mine"
    assert otto("export", "--output", "out", "--force").code == 0
    assert "kind: Bot" in mine.read_text()


def test_get_as_a_table_as_markdown_and_as_data(otto: Otto) -> None:
    otto("apply", "-f", "-", stdin=manifest())
    header, row = otto("get").out.splitlines()
    assert header.split()[:3] == ["BOT", "NAME", "REVISION"]
    assert row.split()[:5] == ["desk", "Desk", "1", "1", "1"]
    assert otto("get", "bots").out == otto("get").out
    assert otto("get", "-o", "markdown").out.startswith("| bot | name | revision |")
    assert yaml.safe_load(otto("get", "-o", "yaml").out)["bots"][0]["bot"] == "desk"
    assert otto("get", "desk", "-o", "json").json()["manifest"]["spec"]["name"] == "Desk"


def test_history_lists_revisions_newest_first(otto: Otto) -> None:
    otto("apply", "-f", "-", stdin=manifest())
    otto("apply", "-f", "-", stdin=manifest(action="Say hello"))
    otto("suspend", "desk", "--reason", "audit until Friday")
    found = otto("history", "desk", "-o", "json").json()
    assert [(e["revision"], e["type"]) for e in found] == [
        (3, "suspended"),
        (2, "updated"),
        (1, "created"),
    ]
    assert "audit until Friday" in otto("history", "desk").out
    assert len(otto("history", "desk", "--limit", 1, "-o", "json").json()) == 1


def test_schema_describes_what_validate_takes(otto: Otto) -> None:
    import jsonschema

    schema = otto("schema").json()
    jsonschema.validate(yaml.safe_load(manifest()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"apiVersion": "otto/v1"}, schema)


def test_wait_does_not_believe_what_was_said_of_rows_before(
    otto: Otto, daemon: Callable[..., dict[str, Any]]
) -> None:
    otto("apply", "-f", "-", stdin=manifest())
    store = SQLiteStore(otto.folder / ".otto" / "otto.db")
    assert store.swap("bots", {"bot_id": "desk"}, {"name": {"x": 1}})
    degraded = {"bot_id": "desk", "revision": 1, "sync": "OutOfSync", "health": "Degraded"}
    daemon({**degraded, "message": "bots row 'desk': name is not a text"})
    done = otto("apply", "-f", "-", "--wait", "--timeout", 0.5, stdin=manifest())
    assert "after 0.5 s these are not Synced: desk" in done.err
    assert "its rows were damaged or gone, and are written again" in done.err
    assert store.find("bots")[0]["name"] == "Desk"
    store.close()
    done = otto("apply", "-f", "-", "--wait", "--timeout", 0.5, stdin=manifest())
    assert "desk is Degraded" in done.err  # nothing was mended this time: so it is
