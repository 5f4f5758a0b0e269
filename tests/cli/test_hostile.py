"""Texts of others never steer a terminal: what is in rows, files, names, errors and records."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from otto_reconcile import manifest
from otto_reconcile.cli import main
from otto_reconcile.cli.completing import bot_ids
from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.model import Bot, Guideline, Journey, State, Term, Transition
from otto_reconcile.records.audit import Audit, Record
from otto_reconcile.runtime import data_dir, logs
from otto_reconcile.store.base import Write
from otto_reconcile.store.sqlite import SQLiteStore
from tests.cli.command import Otto

EVIL = "\x1b[2J\r\x07\x9b31m\u202eevil\u2066\u2028\x7f\x85"
RAW = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff]"
)
FORMS = ("table", "json", "yaml", "markdown")

BOT = Bot(
    id="desk",
    name=f"Desk {EVIL}",
    description=f"Two lines\n{EVIL}",
    tags=[EVIL],
    labels={"team": EVIL},
    guidelines=[Guideline(id="desk.g", condition=EVIL, action=EVIL, labels=[EVIL])],
    terms=[Term(id="desk.t", name=EVIL, description=EVIL, synonyms=[EVIL])],
    journeys=[
        Journey(
            id="desk.j",
            title=EVIL,
            description=EVIL,
            conditions=[EVIL],
            states=[State(id="a", chat=EVIL, next=[Transition(to="end", when=EVIL)])],
        )
    ],
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory of a daemon that has met nothing but such texts."""
    monkeypatch.chdir(tmp_path)
    for name in ("MONGODB_URI", "OTTO_DATA_DIR", "OTTO_PARLANT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTTO_ACTOR", EVIL)
    data = tmp_path / ".otto"
    data_dir.prepare(data)
    store = SQLiteStore(data / "otto.db")
    desired = DesiredState(store)
    source = Source("manifest", path=EVIL, commit=EVIL, note=EVIL)
    desired.put(BOT, source=source, actor=EVIL)
    rows = [
        {"bot_id": "other", "name": EVIL},
        {"bot_id": EVIL, "name": EVIL},
        {"bot_id": f"odd{EVIL}", "name": 7, "tags": EVIL},
    ]
    store.batch([Write("put", "bots", rows)])
    desired.ingest()
    changes = ({"field": EVIL, "before": EVIL, "after": {EVIL: f"{EVIL}\n{EVIL}"}},)
    Audit(store).conclude(
        [
            Record(
                "a1", EVIL, EVIL, EVIL, "guideline", EVIL, "update", EVIL, changes,
                1, datetime.now(UTC), 0.1, "failed", EVIL,
            )
        ]
    )  # fmt: skip
    store.close()
    (tmp_path / f"{EVIL}.yaml").write_text(f"kind: {json.dumps(EVIL)}\n{json.dumps(EVIL)}: 1\n")
    (tmp_path / "bot.yaml").write_text(manifest.dump([BOT]))
    (data / "status.json").write_text(json.dumps(status()))
    with data_dir.owned(data):
        yield tmp_path


def status() -> dict[str, Any]:
    connection = {"label": EVIL, "state": EVIL, "message": EVIL}
    problems = {"folder": EVIL, "state": EVIL, "time": EVIL, "problems": [EVIL]}
    return {
        "pid": 1, "started": EVIL, "updated": datetime.now(UTC).isoformat(),
        "url": "http://127.0.0.1:9", "target_id": EVIL,
        "store": {**connection, "label": ""}, "target": connection, "manifests": problems,
        "tools": {"sources": [EVIL], "tools": [EVIL], **problems},
        "model": {"name": EVIL, **connection}, "evaluations": {"mode": EVIL, "message": EVIL},
        "restore": {"bots": EVIL, "seconds": EVIL, "finished": EVIL},
        "warnings": [EVIL], "foreign": [EVIL],
        "bots": [{"bot_id": EVIL, "name": EVIL, "source": EVIL, "message": EVIL, "cause": EVIL}],
    }  # fmt: skip


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """The command in this process."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["otto-reconcile", *arguments])
        code = main()
        out, err = (part.decode() for part in capfdbinary.readouterr())
        for text in (out, err):
            assert not RAW.search(text), (arguments, text)
        assert "Traceback" not in err
        assert "internal error" not in err, (arguments, err)
        return code, out, err

    return command


def test_no_command_shows_a_control_character(run: Run) -> None:
    for form in FORMS:
        for command in (
            ["get"], ["get", "desk"], ["history", "desk"], ["history", EVIL], ["actions"],
            ["status"], ["status", EVIL], ["status", "other"], ["diff"], ["diff", "-f", "bot.yaml"],
            ["validate", f"{EVIL}.yaml"], ["validate", EVIL], ["validate", "bot.yaml"],
            ["apply", "-f", f"{EVIL}.yaml"], ["apply", "-f", "bot.yaml", "--dry-run"],
            ["suspend", EVIL, "--reason", EVIL], ["resume", EVIL], ["delete", EVIL],
        ):  # fmt: skip
            _, out, err = run(*command, "-o", form)
            assert out or err, command
    for command in (
        ["export"], ["export", "-o", "json"], ["export", EVIL], ["export", "--output", "all"],
        ["graph", "desk"], ["graph", "desk", "-o", "mermaid"], ["graph", EVIL], ["get", "x" + EVIL],
        ["graph", "desk", EVIL], ["actions", "--outcome", EVIL], ["actions", "--since", EVIL],
        ["adopt", EVIL], ["adopt", "--from", f"http://127.0.0.1:9/{EVIL}"], [EVIL],
        ["get", f"--{EVIL}"],
        ["run", "--parlant-url", EVIL], ["run", "--data-dir", f"bot.yaml/{EVIL}"],
        ["run", "--nlp", EVIL, "--data-dir", "other", "--port", "0", "--log-format", EVIL],
    ):  # fmt: skip
        run(*command)
    assert run("delete", "desk", "--yes")[0] == 0
    assert run("get", "desk")[0] == 1


def test_data_reads_back_exactly(run: Run) -> None:
    read: dict[str, Callable[[str], Any]] = {"json": json.loads, "yaml": yaml.safe_load}
    for form, load in read.items():
        found = load(run("get", "-o", form)[1])
        assert {bot["name"] for bot in found["bots"]} == {BOT.name, EVIL}
        assert load(run("history", "desk", "-o", form)[1])[0]["actor"] == EVIL
        (record,) = load(run("actions", "-o", form)[1])
        assert record["error"] == EVIL
        assert record["changes"][0]["after"] == {EVIL: f"{EVIL}\n{EVIL}"}
        assert load(run("status", "-o", form)[1])["warnings"] == [EVIL]
    assert json.loads(run("export", "desk", "-o", "json")[1])[0]["spec"]["name"] == BOT.name
    for arguments in (("get", "desk"), ("export", "desk")):
        Path("again.yaml").write_text(run(*arguments)[1])
        (loaded,) = manifest.load([Path("again.yaml")], environ={}).bots
        assert loaded.bot == BOT


def test_a_terminal_is_not_steered_either(folder: Path, otto: Otto) -> None:
    shown = otto.on_terminal("status", NO_COLOR="1")
    assert "evil" in shown.out
    assert not RAW.search(shown.out)


def test_completion_offers_no_such_id(folder: Path) -> None:
    assert bot_ids("") == []
    (folder / ".otto" / "status.json").unlink()
    assert bot_ids("") == ["desk", "other"]


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_line_of_the_log_has_one(form: str) -> None:
    stream = io.StringIO()
    log = logs.configure(form, stream)
    log.warning(EVIL, bot=EVIL, error=f"{EVIL}\nsecond line", word=f"x{EVIL}x".replace(" ", ""))
    logging.getLogger("otto_reconcile.server").error("Parlant: %s", f"{EVIL}\nforged line")
    try:
        raise ValueError(f"{EVIL}\nforged line")
    except ValueError:
        logging.getLogger("otto_reconcile.loop").exception("a job failed: %s", EVIL)
    text = stream.getvalue()
    assert not RAW.search(text)
    assert "\nsecond line" not in text
    assert "\nforged line" not in text
    if form == "json":
        assert json.loads(text.splitlines()[0])["bot"] == EVIL
