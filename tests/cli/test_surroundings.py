"""What stands around a command: `.env`, Git, and an output that nobody takes."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from otto_reconcile.manifest import files_below
from otto_reconcile.runtime.data_dir import FILES
from otto_reconcile.store.sqlite import SQLiteStore
from tests.cli.command import Otto, manifest


def through_shell(otto: Otto, how: str, *arguments: object) -> tuple[int, str, str]:
    done = subprocess.run(
        ["sh", "-c", f'"$0" "$@" {how}', *otto.command(*arguments)],
        cwd=otto.folder, env=otto.environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("how", "command", "said"),
    [
        (">&-", "get", "error: the output cannot be written: standard output is closed\n"),
        (">/dev/full", "schema", "error: the output cannot be written: No space left on device\n"),
        (">/dev/full", "--help", "error: the output cannot be written: No space left on device\n"),
        (">&- 2>&- <&-", "get", ""),
    ],
)
def test_an_output_that_nobody_takes_is_no_traceback(
    otto: Otto, how: str, command: str, said: str
) -> None:
    assert through_shell(otto, how, command) == (1, "", said)


def test_a_closed_output_writes_nothing_into_the_store(otto: Otto) -> None:
    """The next file that is opened would take its number."""
    path = otto.write("desk.yaml", manifest())
    code, _, said = through_shell(otto, ">&-", "apply", "-f", path)
    assert (code, said.count("\n")) == (1, 1)
    assert [bot["bot"] for bot in otto("get", "-o", "json").json()["bots"]] == ["desk"]


def test_dotenv_of_the_working_directory_is_read(otto: Otto) -> None:
    path = otto.write("desk.yaml", manifest(name="Desk of ${PLACE}"))
    otto.write(".env", "OTTO_DATA_DIR=kept\nexport PLACE='the north' # where\n")
    done = otto("apply", "-f", path)
    assert (done.code, done.err) == (0, "")
    assert "Desk of the north" in otto("get").out
    assert (otto.folder / "kept" / "otto.db").exists()
    assert "no bots yet in other" in otto("get", OTTO_DATA_DIR="other").out
    below = otto.folder / "below"
    below.mkdir()
    assert "no bots yet in .otto" in Otto(below, otto.environ)("get").out


def test_dotenv_that_cannot_be_read_is_told(otto: Otto) -> None:
    (otto.folder / ".env").write_bytes(b"NAME=\xff\n")
    done = otto("get")
    assert (done.code, done.err) == (1, "error: .env cannot be read: it is not UTF-8 text\n")


def test_the_data_directory_keeps_itself_out_of_git(otto: Otto) -> None:
    path = otto.write("desk.yaml", manifest())
    (otto.folder / "full").mkdir()
    otto.write("full/manifest.yaml", manifest())
    for folder in (".otto", "new/data", "full"):
        assert otto("apply", "-f", path, "--data-dir", folder).code == 0
    ignored = [
        f for f in (".otto", "new/data", "full") if (otto.folder / f / ".gitignore").exists()
    ]
    assert ignored == [".otto", "new/data"]
    assert (otto.folder / ".otto" / ".gitignore").read_text() == "*\n"


def test_a_data_directory_among_manifests_is_none_of_them(otto: Otto) -> None:
    path = otto.write("desk.yaml", manifest())
    assert otto("apply", "-f", path, "--data-dir", "data").code == 0
    (otto.folder / "data" / "parlant").mkdir()
    for file in ("status.json", "managed.json", "parlant/evaluation_cache.json"):
        otto.write(f"data/{file}", "{}")
    found = [str(file.relative_to(otto.folder)) for file in files_below(otto.folder)]
    assert found == ["data/.ottoignore", "desk.yaml"]


def test_a_database_in_the_uri_is_told_to_be_for_the_login(otto: Otto) -> None:
    uri = "mongodb://u:s3cret@127.0.0.1:9/%s?serverSelectionTimeoutMS=50"
    done = otto("get", "--mongodb-uri", uri % "shop")
    assert "the MongoDB URI names the database 'shop', which is for the login alone" in done.err
    assert "s3cret" not in done.err
    for more in ((uri % "shop", "--database", "shop"), (uri % "admin",), (uri % "",)):
        assert "for the login" not in otto("get", "--mongodb-uri", *more).err


@pytest.mark.parametrize("command", [["get"], ["actions"], ["status"], ["diff"], ["export"]])
@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_place_of_the_data_directory_is_told(
    otto: Otto, command: list[str], place: str
) -> None:
    otto.write("file", "")
    done = otto(*command, "--data-dir", place)
    said = "a file, not a folder" if place == "file" else "below a file"
    assert (done.code, done.err.partition("\n")[0]) == (
        1,
        f"error: the data directory {place} is {said}",
    )


def test_what_an_emptied_store_has_lost_is_told_by_get_too(otto: Otto) -> None:
    seen = {"desk": {"store": "SQLite .otto/otto.db", "revision": 1, "event_id": "e"}}
    otto.write(".otto/managed.json", json.dumps({"bots": seen}))
    for _ in ("no file", "an empty file"):
        done = otto("get")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("warning: SQLite .otto/otto.db ")
        assert "has no record of desk, which this data directory has managed" in done.err
        SQLiteStore(otto.folder / ".otto" / "otto.db").close()
    assert otto("apply", "-f", "-", stdin=manifest()).code == 0
    assert (otto("get").code, otto("get").err) == (0, "")


@pytest.mark.parametrize("command", ["get", "export", "graph", "history", "suspend"])
def test_what_a_store_has_lost_is_told_of_one_bot_too(otto: Otto, command: str) -> None:
    """It is not said that there never was one."""
    assert otto("apply", "-f", "-", stdin=manifest("shop")).code == 0
    seen = {name: {"store": "SQLite .otto/otto.db", "revision": 1} for name in ("desk", "shop")}
    otto.write(".otto/managed.json", json.dumps({"bots": seen}))
    done = otto(command, "desk")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: SQLite .otto/otto.db ")
    assert "has no record of desk, which this data directory has managed" in done.err
    assert "there is no bot 'nobody'" in otto("get", "nobody").err


def test_an_export_of_all_says_what_the_store_has_lost(otto: Otto) -> None:
    assert otto("apply", "-f", "-", stdin=manifest("shop")).code == 0
    seen = {"desk": {"store": "SQLite .otto/otto.db", "revision": 1}}
    otto.write(".otto/managed.json", json.dumps({"bots": seen}))
    done = otto("export")
    assert (done.code, "id: shop" in done.out) == (1, True)
    assert "has no record of desk" in done.err


@pytest.mark.parametrize("command", [["get"], ["apply", "-f", "-"]])
def test_what_is_no_file_in_the_place_of_the_store_is_told(otto: Otto, command: list[str]) -> None:
    place = otto.folder / ".otto" / "otto.db"
    place.parent.mkdir()
    place.symlink_to("nowhere/otto.db")
    said = "error: .otto/otto.db is a link to nowhere/otto.db, where nothing is; the store is a"
    done = otto(*command, stdin=manifest())
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(said)
    place.unlink()
    os.mkfifo(place)
    assert "error: .otto/otto.db is no file; the" in otto(*command, stdin=manifest()).err


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_told(otto: Otto, name: str) -> None:
    folder = otto.folder / ".otto"
    folder.mkdir()
    os.mkfifo(folder / name)
    for command in ("status", "get"):
        assert otto(command).code in (0, 1)
    done = otto("run", "--port", "0")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: .otto/{name} is no file\nhint: move it away, and start")
    (folder / name).unlink()
    (folder / name).mkdir()
    assert f"error: .otto/{name} is a folder\n" in otto("run", "--port", "0").err


def test_another_reason_to_suspend_a_bot_is_kept(otto: Otto) -> None:
    assert otto("apply", "-f", "-", stdin=manifest()).code == 0
    for reason, revision in (("audit", 2), ("audit", 2), ("fire", 3)):
        assert otto("suspend", "desk", "--reason", reason).code == 0
        newest = otto("history", "desk", "-o", "json").json()[0]
        assert newest["revision"] == revision
        assert reason in json.dumps(newest)
