"""Runs a program as it stands, with the counting stub in place of OpenAI: `run PROGRAM`.

On SIGUSR1 it says what every task waits for.
"""

from __future__ import annotations

import asyncio
import runpy
import signal
import sys

import parlant.sdk as p

from tests.persistence.stub import StubService


def tell(*_: object) -> None:
    for task in asyncio.all_tasks():
        print(task.get_name(), file=sys.stderr)
        task.print_stack()


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, tell)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the parent ignores it
    p.NLPServices.openai = staticmethod(lambda container: StubService())  # type: ignore[method-assign, assignment]
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
