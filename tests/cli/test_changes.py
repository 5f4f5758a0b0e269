"""`delete`, `suspend`, `resume` and `actions`: by name, on record, and never by accident."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otto_reconcile.cli.records import since_when
from otto_reconcile.errors import SettingsError
from otto_reconcile.records.audit import Audit, Record
from otto_reconcile.store.sqlite import SQLiteStore
from tests.cli.command import Otto, manifest

Announce = Callable[..., dict[str, Any]]
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def desk(otto: Otto) -> Otto:
    otto("apply", "-f", otto.write("manifests/desk.yaml", manifest()))
    return otto


def bots(otto: Otto) -> list[str]:
    return [bot["bot"] for bot in otto("get", "-o", "json").json()["bots"]]


def test_delete_asks_for_yes_where_nobody_can_answer(desk: Otto) -> None:
    done = desk("delete", "desk")
    assert done.code == 1
    assert "--yes" in done.err
    assert done.out == "desk: 'Desk' with 1 guideline, 1 journey\n"
    assert bots(desk) == ["desk"]


def test_delete_is_recorded_by_name(desk: Otto) -> None:
    done = desk("delete", "desk", "--yes")
    assert done.code == 0
    assert done.out.endswith("desk deleted, revision 2\n")
    assert bots(desk) == []
    newest = desk("history", "desk", "-o", "json").json()[0]
    assert (newest["type"], newest["source"], newest["actor"]) == (
        "deleted",
        {"kind": "cli"},
        "ann",
    )


@pytest.mark.parametrize(("typed", "left"), [("n\n", ["desk"]), ("y\n", [])])
def test_delete_asks_on_a_terminal(desk: Otto, typed: str, left: list[str]) -> None:
    done = desk.on_terminal("delete", "desk", typed=typed)
    assert "Delete this bot, here and on the target?" in done.out
    assert done.code == (1 if left else 0)
    assert bots(desk) == left


def test_delete_warns_of_what_will_come_back(desk: Otto) -> None:
    assert "will come back" in desk("delete", "desk").err
    (desk.folder / "manifests/desk.yaml").rename(desk.folder / "kept.yaml")
    assert "will come back" not in desk("delete", "desk").err


def test_delete_deletes_all_or_nothing(desk: Otto) -> None:
    done = desk("delete", "desk", "nobody", "--yes")
    assert done.code == 1
    assert "nobody" in done.err
    assert bots(desk) == ["desk"]


@pytest.fixture
def many(otto: Otto) -> Otto:
    for number in range(8):
        otto.write(f"manifests/b{number}.yaml", manifest(f"b{number}", f"Bot {number}"))
    assert otto("apply", "-f", "manifests", "--prune").code == 0
    return otto


def test_delete_takes_what_left_a_folder_in_one_word(many: Otto) -> None:
    many("apply", "-f", many.write("other.yaml", manifest("other", "Other")))
    for number in range(2, 8):
        (many.folder / f"manifests/b{number}.yaml").unlink()
    refused = many("apply", "-f", "manifests", "--prune")
    assert refused.code == 1
    command = f"otto-reconcile delete --gone-from {many.folder / 'manifests'}"
    assert command in refused.err
    asked = many(*command.split()[1:])
    assert (asked.code, "--yes" in asked.err, len(asked.out.splitlines())) == (1, True, 6)
    assert len(bots(many)) == 9
    done = many(*command.split()[1:], "--yes")
    assert done.code == 0
    assert bots(many) == ["b0", "b1", "other"]
    assert many(*command.split()[1:], "--yes").code == 1  # nothing is left of that sort


@pytest.mark.parametrize(("text", "code"), [("apiVersion: [", 1), ("just: data", 1)])
def test_a_half_written_manifest_has_not_left_its_folder(many: Otto, text: str, code: int) -> None:
    many.write("manifests/b0.yaml", text)
    done = many("delete", "--gone-from", "manifests", "--yes")
    assert (done.code, "b0.yaml" in done.err) == (code, True)
    assert len(bots(many)) == 8


def test_delete_takes_what_lost_its_rows_in_one_word(many: Otto) -> None:
    store = SQLiteStore(many.folder / ".otto" / "otto.db")
    where = {"bot_id": {"$in": [f"b{number}" for number in range(6)]}}
    store.delete("bots", where)
    store.close()
    assert many("delete", "--held-back", "--yes").code == 0
    assert bots(many) == ["b6", "b7"]


@pytest.mark.parametrize(("typed", "left"), [("y\n", 8), ("7\n", 8), ("8\n", 0)])
def test_delete_of_all_asks_for_their_number(many: Otto, typed: str, left: int) -> None:
    done = many.on_terminal("delete", "--all", typed=typed)
    assert "Delete these 8 bots, here and on the target? Type their number" in done.out
    assert (done.code, len(bots(many))) == (1 if left else 0, left)


def test_bots_that_a_store_lost_are_told_and_deleted_on_request(
    many: Otto, daemon: Announce
) -> None:
    lost = {f"x{number}": "SQLite elsewhere.db" for number in range(2)}
    many.write(".otto/managed.json", json.dumps({"bots": lost}))
    assert many("delete", "--held-back", "--yes").code == 0
    assert many("history", "x1", "-o", "json").json()[0]["type"] == "deleted"
    assert len(bots(many)) == 8
    daemon(lost="the store has no record of x1")
    done = many("status")
    assert (done.code, "lost       the store has no record of x1" in done.out) == (2, True)


@pytest.mark.parametrize("words", [(), ("b0", "--all"), ("--all", "--held-back")])
def test_delete_is_told_in_one_way(many: Otto, words: tuple[str, ...]) -> None:
    assert many("delete", *words, "--yes").code != 0
    assert len(bots(many)) == 8


def test_suspend_and_resume(desk: Otto) -> None:
    assert desk("suspend", "desk", "--reason", "audit").out == "desk suspended\n"
    assert desk("suspend", "desk").out == "desk was suspended already\n"
    assert "suspended" in desk("get").out
    assert desk("resume", "desk").out == "desk resumed\n"
    assert desk("resume", "desk").out == "desk was resumed already\n"
    types = [e["type"] for e in desk("history", "desk", "-o", "json").json()]
    assert types == ["resumed", "suspended", "created"]


def test_a_suspended_bot_still_belongs_to_its_folder(otto: Otto) -> None:
    for number in range(3):
        otto.write(f"manifests/b{number}.yaml", manifest(f"b{number}", f"Bot {number}"))
    otto("apply", "-f", "manifests")
    otto("suspend", "b1")
    otto("resume", "b1")
    (otto.folder / "manifests/b1.yaml").unlink()
    assert otto("apply", "-f", "manifests", "--prune").code == 0
    assert bots(otto) == ["b0", "b2"]


RECORD = Record(
    action_id="a1",
    run_id="run-1",
    target="embedded:test",
    bot_id="desk",
    kind="guideline",
    key="desk.status",
    operation="update",
    cause="Drifted",
    changes=({"field": "action", "before": "Say nothing", "after": "Ask"},),
    revision=1,
    started=NOW - timedelta(hours=3),
    duration=0.012,
    outcome="succeeded",
)
RECORDS = [
    RECORD,
    replace(
        RECORD,
        action_id="a2",
        run_id="run-2",
        started=NOW - timedelta(minutes=5),
        outcome="failed",
        error="refused\nby the server",
    ),
    replace(
        RECORD,
        action_id="a3",
        run_id="run-2",
        bot_id="depot",
        started=NOW - timedelta(minutes=4),
        outcome=None,
        duration=None,
        changes=({"field": "action", "before": "(masked)", "after": "(masked, changed)"},),
    ),
]


@pytest.fixture
def recorded(otto: Otto) -> Otto:
    store = SQLiteStore(otto.folder / ".otto" / "otto.db")
    Audit(store).conclude(RECORDS)
    store.close()
    return otto


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["a3", "a2", "a1"]),
        (["--bot", "desk"], ["a2", "a1"]),
        (["--run", "run-1"], ["a1"]),
        (["--outcome", "failed"], ["a2"]),
        (["--since", "1h"], ["a3", "a2"]),
        (["--since", (NOW - timedelta(hours=4)).isoformat()], ["a3", "a2", "a1"]),
        (["--limit", "1"], ["a3"]),
        (["--target", "elsewhere"], []),
    ],
)
def test_actions_are_filtered(recorded: Otto, options: list[str], found: list[str]) -> None:
    listed = recorded("actions", *options, "-o", "json").json()
    assert [record["action_id"] for record in listed] == found


def test_actions_show_what_changed(recorded: Otto) -> None:
    out = recorded("actions").out
    assert "failed update guideline desk.status (Drifted, 0.012 s) bot desk, run run-2\n" in out
    assert '    action: "Say nothing" -> "Ask"\n' in out
    assert "    action: (masked) -> (masked, changed)\n" in out
    assert "    refused\\nby the server\n" in out
    assert recorded("actions", "-o", "markdown").out.startswith("| time | outcome |")
    assert recorded("actions", "--bot", "nobody").out == "no such actions on record\n"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), ("1w", 604800)]
)
def test_since_counts_back(text: str, seconds: int) -> None:
    assert since_when(text, NOW) == NOW - timedelta(seconds=seconds)


def test_since_takes_times_with_and_without_a_zone() -> None:
    expected = datetime(2030, 1, 31, 12, tzinfo=UTC)
    for text in ("2030-01-31T12:00", "2030-01-31T12:00Z", "2030-01-31T14:00+02:00"):
        assert since_when(text, NOW) == expected
    with pytest.raises(SettingsError, match="--since soon"):
        since_when("soon", NOW)


def test_delete_suspend_and_resume_tell_machines_too(desk: Otto) -> None:
    told = [
        desk(*command, "-o", "json").json()
        for command in (
            ("suspend", "desk"),
            ("suspend", "desk"),
            ("resume", "desk"),
            ("delete", "desk", "--yes"),
        )
    ]
    assert told == [
        [{"bot": "desk", "result": "suspended", "revision": 2}],
        [{"bot": "desk", "result": "suspended", "revision": None}],
        [{"bot": "desk", "result": "resumed", "revision": 3}],
        [{"bot": "desk", "result": "deleted", "revision": 4}],
    ]
