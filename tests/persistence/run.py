"""Runs a program as it stands, with the counting stub in place of OpenAI: `run PROGRAM`."""

from __future__ import annotations

import runpy
import signal
import sys

import parlant.sdk as p

from tests.persistence.stub import StubService

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the parent ignores it
    p.NLPServices.openai = staticmethod(lambda container: StubService())  # type: ignore[method-assign, assignment]
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
