"""Runs the real command in a process of its own, as a person does."""

from __future__ import annotations

import json
import os
import pty
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import real_command, run_command
from tests.support.forking import Forked

ROOT = Path(__file__).parents[2]
TIMEOUT = 60.0


@dataclass(frozen=True)
class Done:
    """What came of one command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Otto:
    """`otto("diff", "-o", "json")` in a folder of its own, with a data directory of its own."""

    folder: Path
    environ: dict[str, str]

    def __call__(self, *arguments: object, stdin: str | bytes = b"", **environ: str) -> Done:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        env = {**self.environ, **environ}
        done = run_command(arguments, self.folder, env, stdin=data, seconds=TIMEOUT)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def command(self, *arguments: object) -> list[str]:
        return real_command(*arguments)

    def on_terminal(self, *arguments: object, typed: str = "", **environ: str) -> Done:
        """With a terminal for input and output; what it shows is in `out`."""
        ours, theirs = pty.openpty()
        environ = {**self.environ, "TERM": "xterm", **environ}
        asked = [str(argument) for argument in arguments]
        process = Forked(asked, self.folder, environ, (theirs, theirs, theirs))
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
        os.close(ours)
        return Done(process.wait(TIMEOUT), shown.decode().replace("\r\n", "\n"), "")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path


def manifest(bot_id: str = "desk", name: str = "Desk", action: str = "Ask for its number") -> str:
    """A small bot."""
    return f"""\
apiVersion: otto/v1
kind: Bot
metadata: {{id: {bot_id}}}
spec:
  name: {name}
  description: Helps customers with their orders.
  guidelines:
    - {{id: status, condition: The customer asks where an order is, action: {action}}}
  journeys:
    - id: return
      title: Return an item
      description: Find the order and give the address.
      conditions: [The customer wants to send something back]
"""
