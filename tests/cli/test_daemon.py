"""`status`, and how the other commands find and respect the running daemon."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.runtime import data_dir
from tests.cli.command import Otto, manifest

Announce = Callable[..., dict[str, Any]]
SYNCED = {
    "bot_id": "desk",
    "name": "Desk",
    "sync": "Synced",
    "health": "Healthy",
    "cause": None,
    "message": None,
    "revision": 3,
    "source": "manifests/desk.yaml",
    "last_change": "2030-01-01T00:00:05+00:00",
    "unmanaged": ["guideline/rain"],
}
DRIFTED = {**SYNCED, "bot_id": "depot", "sync": "OutOfSync", "health": "Degraded"} | {
    "cause": "Drifted",
    "message": "update agent depot: refused",
}


@pytest.mark.parametrize("command", [["status"], ["diff"]])
def test_without_a_daemon_it_says_what_to_do(otto: Otto, command: list[str]) -> None:
    done = otto(*command, "--data-dir", "data")
    assert done.code == 1
    error, hint = done.err.splitlines()
    assert error == "error: no daemon is running with the data directory data"
    assert hint.startswith("hint: start one with `otto-reconcile run`")


def test_a_daemon_that_died_is_none_whoever_has_its_pid_now(otto: Otto) -> None:
    with data_dir.owned(otto.folder):
        pass
    left = json.dumps({"pid": os.getpid(), "bots": [SYNCED], "store": {}, "target": {}})
    otto.write("status.json", left)
    assert otto("status", "--data-dir", ".").code == 1
    (otto.folder / data_dir.LOCK_FILE).unlink()
    assert otto("status", "--data-dir", ".").code == 1


def test_a_daemon_is_found_where_its_folder_can_only_be_read(otto: Otto, daemon: Announce) -> None:
    daemon(SYNCED, pid=2**22 + 7)  # of another namespace
    folder = otto.folder / ".otto"
    for path, mode in ((folder / data_dir.LOCK_FILE, 0o400), (folder, 0o500)):
        path.chmod(mode)
    try:
        assert otto("status").code == 0
    finally:
        folder.chmod(0o700)


def test_looking_for_a_daemon_keeps_none_from_starting(tmp_path: Path) -> None:
    with data_dir.owned(tmp_path):
        pass
    looking = threading.Event()

    def look() -> None:
        while not looking.is_set():
            data_dir.is_owned(tmp_path)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(50):
            with data_dir.owned(tmp_path) as other:
                assert other is None
    finally:
        looking.set()
        thread.join()


def test_all_synced(otto: Otto, daemon: Announce) -> None:
    document = daemon(SYNCED, restore={"bots": 1, "seconds": 0.25, "finished": "2030-01-01"})
    done = otto("status")
    assert done.code == 0
    *header, row = done.out.splitlines()
    assert row.split() == [
        "desk",
        "Synced",
        "Healthy",
        "3",
        SYNCED["source"],
        SYNCED["last_change"],
    ]
    text = "\n".join(header)
    assert f"pid {document['pid']}" in text
    assert "SQLite .otto/otto.db: Connected" in text
    assert "embedded:test at http://127.0.0.1:9: Connected" in text
    assert "1 bot in 0.25 s, 2030-01-01" in text
    assert otto("status", "-o", "json").json() == document


@pytest.mark.parametrize(
    ("restored", "there", "words"),
    [
        (2, 0, "restored   2 bots in 1.5 s"),
        (1, 0, "restored   1 of 2 bots in 1.5 s"),
        (0, 2, "restored   none of 2 bots (2 needed nothing) in 1.5 s"),
    ],
)
def test_only_what_was_put_back_is_called_restored(
    otto: Otto, daemon: Announce, restored: int, there: int, words: str
) -> None:
    restore = {"restored": restored, "there": there, "bots": 2, "seconds": 1.5, "finished": "now"}
    daemon(SYNCED, restore=restore)
    assert words in otto("status").out


@pytest.mark.parametrize(
    ("left", "words"),
    [(40, "restoring  12 of 500 bots, about 40 s left"), (None, "restoring  12 of 500 bots")],
)
def test_a_restore_that_goes_on_says_how_far_it_is(
    otto: Otto, daemon: Announce, left: int | None, words: str
) -> None:
    daemon(SYNCED, restore={"run": "x", "done": 12, "of": 500, "seconds_left": left})
    assert words in otto("status").out.splitlines()


def test_one_that_is_not_synced(otto: Otto, daemon: Announce) -> None:
    daemon(DRIFTED, SYNCED)
    done = otto("status")
    assert done.code == 2
    assert "update agent depot: refused" in done.out
    assert otto("status", "desk").code == 0
    details = otto("status", "depot")
    assert details.code == 2
    assert "  cause: Drifted\n" in details.out
    assert otto("status", "depot", "-o", "json").json() == DRIFTED
    assert otto("status", "nobody").code == 1
    assert otto("status", "-o", "markdown").out.startswith("| bot | sync |")


@pytest.mark.parametrize("which", ["store", "target"])
def test_what_is_not_connected_is_not_synced(otto: Otto, daemon: Announce, which: str) -> None:
    lost = {"label": "it", "state": "Unavailable", "message": "it does not answer"}
    daemon(SYNCED, **{which: lost})
    done = otto("status")
    assert done.code == 2
    assert ": Unavailable, it does not answer" in done.out


@pytest.mark.parametrize(
    ("which", "state", "problem"),
    [
        ("manifests", "Refused", "manifests/a.yaml:3:5: unknown key"),
        ("manifests", "Imported", "refused to delete all bots of this folder at once: a, b"),
        ("tools", "Refused", "tools.py:3: there is no such name"),
    ],
)
def test_what_is_refused_or_withheld_is_shown_and_not_well(
    otto: Otto, daemon: Announce, which: str, state: str, problem: str
) -> None:
    document = {"folder": "manifests", "sources": ["tools.py"], "state": state}
    daemon(SYNCED, **{which: {**document, "problems": [problem]}})
    done = otto("status")
    assert (done.code, problem in done.out) == (2, True)
    assert otto("status", "-o", "json").code == 2
    assert otto("status", "desk").code == 0
    daemon(SYNCED, **{which: {**document, "problems": []}})
    assert otto("status").code == 0


def test_the_commit_of_the_manifests_is_shown(otto: Otto, daemon: Announce) -> None:
    folder = {"folder": "manifests", "state": "Imported", "time": "2030-01-01", "problems": []}
    daemon(SYNCED, manifests={**folder, "at": "commit 0123456789ab of 2030"})
    line = "manifests  manifests: Imported, 2030-01-01, at commit 0123456789ab of 2030"
    assert line in otto("status").out


def test_a_job_that_fails_is_shown_and_not_well(otto: Otto, daemon: Announce) -> None:
    job = {"state": "Failing", "error": "TypeError at otto_reconcile/x.py:9", "failures": 3}
    daemon(SYNCED, jobs={"manifests": {**job, "since": "2030-01-01", "next_try": "2030-01-02"}})
    done = otto("status")
    assert done.code == 2
    line = "manifests failed 3 times: TypeError at otto_reconcile/x.py:9, since 2030-01-01"
    assert line in done.out
    assert otto("status", "-o", "json").code == 2
    assert otto("status", "desk").code == 0


def test_others_text_steers_no_terminal(otto: Otto, daemon: Announce) -> None:
    daemon({**SYNCED, "message": "red \x1b[31m and\nlines"})
    done = otto("status")
    assert "red \\x1b[31m and lines" in done.out
    shown = otto.on_terminal("status", NO_COLOR="1")
    assert "\x1b[3" not in shown.out


def test_colours_on_a_terminal_only(otto: Otto, daemon: Announce) -> None:
    daemon(DRIFTED)
    assert "\x1b[" in otto.on_terminal("status").out
    assert "\x1b[" not in otto.on_terminal("status", NO_COLOR="1").out
    assert "\x1b[" not in otto("status").out


def test_nothing_is_cut_off_in_a_pipe(otto: Otto, daemon: Announce) -> None:
    daemon({**DRIFTED, "message": "x" * 400})
    assert "x" * 400 in otto("status", COLUMNS="40").out


@pytest.mark.parametrize("command", [["get"], ["apply", "-f", "-"], ["actions"], ["diff"]])
def test_a_store_that_is_not_the_daemons_is_refused(
    otto: Otto, daemon: Announce, command: list[str]
) -> None:
    for label, said in (
        ("MongoDB mongodb://db database otto_domain", "MONGODB_URI"),
        ("memory", "--ephemeral"),
    ):
        daemon(SYNCED, store={"label": label, "state": "Connected"})
        done = otto(*command, stdin=manifest())
        assert done.code == 1
        assert said in done.err
        assert not (otto.folder / ".otto" / "otto.db").exists()
    daemon(SYNCED)
    done = otto(*command, "--mongodb-uri", "mongodb://127.0.0.1:9/", stdin=manifest())
    assert done.code == 1
    assert "SQLite .otto/otto.db" in done.err


def test_a_target_that_is_not_up_yet(otto: Otto, daemon: Announce) -> None:
    daemon(url=None)
    done = otto("diff")
    assert done.code == 1
    assert "not up yet" in done.err


def test_the_daemons_address_given_by_hand_is_the_daemons_target(otto: Otto, owned: None) -> None:
    from otto_reconcile.cli.places import find_target
    from otto_reconcile.settings import Settings

    folder = otto.folder / ".otto"
    status = {"pid": 1, "url": "http://127.0.0.1:8800", "target_id": "embedded:x"}
    otto.write(".otto/status.json", json.dumps(status))
    for url, expected in (("http://127.0.0.1:8800/", "embedded:x"), ("http://other:1", None)):
        target = find_target(Settings(data_dir=folder, parlant_url=url))
        assert (target.url, target.id) == (url, expected)
    assert find_target(Settings(data_dir=folder)).id == "embedded:x"


def test_two_repositories_with_one_path_are_told_apart(otto: Otto, daemon: Announce) -> None:
    one, two = "git:https://h.example/a/bots:m", "git:https://h.example/b/bots:m"
    problem = "m/desk.yaml:1:1: unknown key `x`"
    git = {
        one: {"name": one, "state": "Imported"},
        two: {"name": two, "state": "Refused", "problems": [problem]},
    }
    desk = {**SYNCED, "source": "m/desk.yaml", "root": one}
    depot = {**SYNCED, "bot_id": "depot", "source": "m/desk.yaml", "root": two}
    daemon(desk, depot, git=git)
    rows = [line.split() for line in otto("status").out.splitlines()]
    assert [row[4] for row in rows if row and row[0] in ("desk", "depot")] == [
        "a/bots:m/desk.yaml",
        "b/bots:m/desk.yaml",
    ]
    assert "refused" not in otto("status", "desk").out
    assert f"refused: {problem}" in otto("status", "depot").out
    daemon(desk, git={one: git[one]})
    assert " m/desk.yaml " in otto("status").out


COMMIT = {"id": "a" * 40, "author": "Ann <ann@x>", "subject": "One", "time": "2030-01-01"}


@pytest.mark.parametrize(("state", "word"), [("Imported", "in force"), ("Behind", "at      ")])
def test_a_replica_that_is_behind_has_nothing_in_force(
    otto: Otto, daemon: Callable[..., dict[str, Any]], state: str, word: str
) -> None:
    source = {"name": "git:/r:m", "state": state, "commit": COMMIT, "gitdir": "/r", "path": "m"}
    daemon(git={"git:/r:m": source})
    shown = otto("status").out
    assert f"           {word} {'a' * 12} 2030-01-01 Ann <ann@x>: One" in shown
    assert ("in force" in shown) is (state == "Imported")
    if state == "Behind":
        done = otto("delete", "--gone-from", "git:/r:m", "--yes")
        assert "git:/r:m is behind here" in done.err


def test_labels_are_shown_with_their_keys(
    otto: Otto, daemon: Callable[..., dict[str, Any]]
) -> None:
    bot = {"bot_id": "desk", "sync": "Synced", "labels": {"tier": "silver", "team": "a"}}
    daemon(bot)
    assert "  labels: tier=silver, team=a\n" in otto("status", "desk").out
