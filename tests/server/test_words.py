"""The small parts around the embedded server: its log lines, the choice of a service, imports."""

from __future__ import annotations

import subprocess
import sys
import traceback
from pprint import pformat

import pytest

from otto_reconcile.server import nlp, parlant_logs

HEAD = (
    "\x1b[2m2026-01-02T03:04:05Z\x1b[0m [\x1b[31m\x1b[1merror    \x1b[0m] [\x1b[1mTr-1\x1b[0m][s] "
)


def raised() -> list[str]:
    try:
        try:
            raise ValueError("no credit left")
        except ValueError as cause:
            raise RuntimeError("the batch failed") from cause
    except RuntimeError as error:
        return traceback.format_exception(error)


@pytest.mark.parametrize("written", [str, pformat])
def test_a_traceback_becomes_what_was_raised_and_its_cause(written: object) -> None:
    assert callable(written)
    line = parlant_logs.one_line(f"{HEAD}Processing error: {written(raised())}")
    assert line == (
        "Processing error: RuntimeError: the batch failed (because of ValueError: no credit left)"
    )


def test_a_message_loses_its_colours_time_and_ids() -> None:
    assert parlant_logs.one_line(f"{HEAD}'journey_id'\n  is missing") == "'journey_id' is missing"


def test_a_long_message_is_cut() -> None:
    assert len(parlant_logs.one_line(HEAD + "x" * 5000)) == parlant_logs.LINE_LIMIT


def test_a_traceback_that_cannot_be_read_is_still_one_line() -> None:
    line = parlant_logs.one_line(f"{HEAD}Bad: ['Traceback (most recent call last):\\n', '  File")
    assert line.startswith("Bad:")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("asked", "environ", "expected"),
    [
        (None, {}, "offline"),
        (None, {"OPENAI_API_KEY": ""}, "offline"),
        (None, {"OPENAI_API_KEY": "k"}, "openai"),
        ("offline", {"OPENAI_API_KEY": "k"}, "offline"),
        ("gemini", {}, "gemini"),
    ],
)
def test_the_environment_chooses_where_nobody_did(
    asked: str | None, environ: dict[str, str], expected: str
) -> None:
    assert nlp.chosen(asked, environ) == expected


def test_importing_the_package_imports_no_parlant_and_no_uvicorn() -> None:
    code = (
        "import sys, otto_reconcile.server as s; s.run_until_signalled; s.ChangeHook; "
        "print([m for m in ('parlant', 'uvicorn', 'httpx', 'fastapi') if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert shown.stdout.strip() == "[]"
