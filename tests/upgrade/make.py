"""Makes what a version leaves in a data directory, as text: `python -m tests.upgrade.make FOLDER`.

Run by the Python of that version, in its work tree. What it makes is kept in `data/`, by the day of
the version, and never made again: `test_upgrade` opens each with the code of today. A version that
stores something in another way gets one of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
TOOLS = 18765
"""The port of the tool service while this is made; it stands in what is made."""
KEPT = ("instance", "holder", "managed.json")
DATABASES = ("otto", "outbox")
"""Kept as SQL."""
ENVIRON = {
    "WORD": "please",
    "API_TOKEN": "no-secret-of-anybody",
    "OTTO_ALLOW_ENV": "API_TOKEN",
    "OTTO_ACTOR": "ann",
    "OTTO_NLP": "tests.evaluations.judge:factory",
    "USER": "ann",
}


class Work:
    """A folder in which the real command runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        asked = {"OTTO_TEST_ASKED": str(folder / "asked"), "PYTHONPATH": os.getcwd()}
        self.environ = {**os.environ, **ENVIRON, **asked}

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "otto_reconcile", *words],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode == 1:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "otto_reconcile", "run", "--port", "0", "--interval", "1"],
                cwd=self.folder,
                env=self.environ,
                stdout=log,
                stderr=log,
            )

    def status(self) -> dict[str, Any]:
        path = self.folder / ".otto" / "status.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return {"bots": []}
        return found

    def settle(self, *bots: str) -> None:
        """Until these are Synced, and all that a model evaluates of them is evaluated."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            status = self.status()
            known = {bot["bot_id"]: bot for bot in status["bots"]}
            synced = all(known.get(b, {}).get("sync") == "Synced" for b in bots)
            if synced and not status["evaluations"].get("missing"):
                return
            time.sleep(0.2)
        raise RuntimeError(f"not settled: {self.status()}")


def wrought(folder: Path) -> None:
    """One of everything: imported, applied, adopted, suspended, changed, deleted, journalled."""
    work = Work(folder)
    shutil.copytree(HERE / "manifests", folder / "manifests")
    daemon = work.start()
    try:
        work.settle("anew", "desk", "twin", "gone")
        (folder / "manifests" / "gone.yaml").unlink()
        work("apply", "-f", str(HERE / "applied.yaml"))
        work.settle("desk", "twin", "applied", "resting")
        work("suspend", "resting", "--reason", "holiday")
        adopted(work)
        work.settle("desk", "twin", "applied", "resting", "stray")
        time.sleep(2)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(30)
    journalled(folder / ".otto")


def adopted(work: Work) -> None:
    with httpx.Client(base_url=str(work.status()["url"]), trust_env=False) as http:
        agent = {"id": "stray", "name": "Stray", "description": "Made by hand", "tags": []}
        http.post("/agents", json=agent).raise_for_status()
        guideline = {"condition": "They ask", "action": "Tell", "tags": ["agent:stray"]}
        http.post("/guidelines", json=guideline).raise_for_status()
    work("adopt", "stray", "--manage")


def journalled(folder: Path) -> None:
    """What Otto made while the store was away."""
    from otto_reconcile.model import Bot
    from otto_reconcile.outbox import Outbox, Pending
    from otto_reconcile.records.events import Source

    bot = Bot(id="waiting", name="Waiting", description="Was made while the store was away.")
    source = Source(kind="conversation", session="session-1")
    pending = Pending("waiting", bot, 0, source, "otto", datetime.now(UTC))
    Outbox(folder).put(pending, None)


def kept(work: Path, to: Path) -> None:
    to.mkdir(parents=True)
    texts = {f"{name}.sql": dumped(work / ".otto" / f"{name}.db") for name in DATABASES}
    for name in KEPT:
        if (work / ".otto" / name).exists():
            texts[name] = (work / ".otto" / name).read_text("utf-8")
    texts["export.yaml"] = Work(work)("export")
    for name, text in texts.items():
        (to / name).write_text(anonymous(text, work).rstrip("\n") + "\n", "utf-8")


def dumped(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        return "\n".join([*database.iterdump(), f"PRAGMA user_version = {version};"])


def anonymous(text: str, work: Path) -> str:
    """Nothing of this machine; all these stand outside of what a digest is made of."""
    for machine in (str(work.resolve()), str(work), str(HERE)):
        text = text.replace(machine, "/srv/shop")
    return re.sub(rf"\b{re.escape(socket.gethostname())}\b", "host", text)


async def main(to: Path) -> None:
    import parlant.sdk as p

    from tests.parlant_server.tools import look_up

    with tempfile.TemporaryDirectory() as folder:
        async with p.PluginServer([look_up], port=TOOLS, host="127.0.0.1", hosted=True) as server:
            await asyncio.to_thread(wrought, Path(folder))
            await server.shutdown()
        kept(Path(folder), to)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).resolve()))
