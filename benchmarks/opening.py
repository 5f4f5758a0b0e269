"""From the start of the process to the open port, and to the first answer of a bot.

With many bots, with one, and with none, each after a restart; and a bare Parlant without bots, in
a program of its own. The bot that is written to is the last in the order of the restore.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks import figures
from benchmarks.bots import made
from benchmarks.daemon import Daemon
from otto_reconcile.server import sockets

BOTS = (0, 1, 500)
ROUNDS = 2
BARE = """
import asyncio, sys
import parlant.sdk as p
from otto_reconcile.server import nlp
async def main():
    service = nlp.factory(nlp.OFFLINE)
    async with p.Server(host="127.0.0.1", port=int(sys.argv[1]), tool_service_port=int(sys.argv[2]),
                        nlp_service=service, log_level=p.LogLevel.WARNING):
        pass
asyncio.run(main())
"""


def measure() -> None:
    bare = min(_bare() for _ in range(ROUNDS))
    print(f"a bare Parlant answers {bare:.1f} s after its start")
    answers: dict[int, float] = {}
    for bots in BOTS:
        opened, answers[bots] = _ours(bots)
        line = f"{bots} bots: port {opened:.1f} s after the start, {opened / bare:.2f} times bare"
        if bots:
            line += (
                f" (to reach: 1.2); first answer {answers[bots]:.2f} s after that, "
                f"{answers[bots] - answers[1]:+.2f} s to one bot (to reach: +1.00)"
            )
        print(line)
        figures.note(f"open port, {bots} bots", opened / bare, 1.2, "x a bare Parlant")
    more = answers[BOTS[-1]] - answers[1]
    figures.note(f"first answer, {BOTS[-1]} bots against 1", more, 1.0, "s more")


def _ours(bots: int) -> tuple[float, float]:
    """The best of some restarts: seconds to the port, and then to the first answer."""
    daemon = Daemon(bots)
    opened = answered = float("inf")
    try:
        daemon.start()
        daemon.wait_for("all bots", daemon.is_up)
        for _ in range(ROUNDS):
            daemon.stop()
            opened = min(opened, daemon.start())
            if bots:
                answered = min(answered, _answer(daemon.http, made(bots)[-1].id))
    finally:
        daemon.stop()
        daemon.close()
    return opened, answered


def _answer(http: httpx.Client, bot_id: str) -> float:
    """Seconds until a message of a new conversation is answered."""
    started = time.monotonic()
    session = http.post("/sessions", json={"agent_id": bot_id}).raise_for_status().json()["id"]
    message = {"kind": "message", "source": "customer", "message": "Hello"}
    http.post(f"/sessions/{session}/events", json=message).raise_for_status()
    wanted: dict[str, Any] = {"source": "ai_agent", "kinds": "message", "wait_for_data": 60}
    http.get(f"/sessions/{session}/events", params=wanted).raise_for_status()
    return time.monotonic() - started


def _bare() -> float:
    """Seconds until an empty Parlant of the SDK alone answers."""
    with sockets.bind(0) as one, sockets.bind(0) as other:
        ports = sockets.number(one), sockets.number(other)
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "PARLANT_HOME": home, "PYTHONPATH": str(Path.cwd())}
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", BARE, *map(str, ports)],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _answers(ports[0]):
                time.sleep(0.02)
            return time.monotonic() - started
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success
    except httpx.HTTPError:
        return False
