"""Turns whatever went wrong into a line or two for a person, and an exit code. Called by `main`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable

import typer

from otto_reconcile.cli.surroundings import give_up_output
from otto_reconcile.errors import InvalidInput, OttoError
from otto_reconcile.runtime.escaping import visible, without_logins

USAGE: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException, wherever this version of Typer keeps it."""

MOST_PROBLEMS = 100


def guarded(work: Callable[[], int]) -> int:
    """The code of the work, or 1 and its error told on the error output. Never a traceback."""
    try:
        return work()
    except InvalidInput as error:
        tell_problems(error)
    except OttoError as error:
        tell(error.message, error.hint)
    except USAGE as error:
        _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        tell("interrupted")
    except BrokenPipeError:  # the reader of our output is gone
        give_up_output()
    except OSError as error:
        if os.environ.get("OTTO_DEBUG"):
            raise
        name = f"{error.filename}: " if error.filename else ""
        tell(f"the system refuses: {name}{error.strerror or error}")
    except Exception as error:
        if os.environ.get("OTTO_DEBUG"):
            raise
        text = " ".join(str(error).split()) or type(error).__name__
        tell(f"internal error: {type(error).__name__}: {text}"[:500], "OTTO_DEBUG=1 shows where")
    return 1


def tell(message: str, hint: str | None = None) -> None:
    """An error and what to do about it, on the error output."""
    lines = [f"error: {message}", *([f"hint: {hint}"] if hint else [])]
    _write(lines)


def tell_problems(error: InvalidInput) -> None:
    """Every fault of the texts with its place, up to a hundred."""
    lines = [str(problem) for problem in error.problems[:MOST_PROBLEMS]]
    more = len(error.problems) - MOST_PROBLEMS
    if more > 0:
        lines.append(f"and {more} more")
    count = len(error.problems)
    _write([*lines, f"error: {count} fault{'' if count == 1 else 's'} found"])


def _usage(error: Exception) -> None:
    message: str = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "otto-reconcile")
    hint = _file_hint(command, message) or f"{command} --help shows what there is"
    tell(_plain(message, error.__cause__), hint)


def _file_hint(command: str, message: str) -> str | None:
    """What to write for `apply bot.yaml`, and for `validate -f`."""
    if message.startswith("No such option: -f") and command.endswith(" validate"):
        return f"files are named without -f: {command} FILE"
    extra = re.search(r"extra argument\S* \((.+?)\)", message)
    name = extra[1].split()[0] if extra is not None else ""
    if not name or not (command.endswith(" apply") or os.path.exists(name)):
        return None
    return f"a file is named with -f: {command} -f {name}"


def _plain(message: str, cause: object) -> str:
    """Without the words that pydantic, which checks values for Typer, has for programmers."""
    for fault in getattr(cause, "errors", list)():
        wanted = _WANTED.get(fault["type"])
        if wanted is not None:
            message = message.replace(fault["msg"], f"{fault['input']!r} is not {wanted}")
    message = message.replace("Value error, ", "").replace("Input should be", "it has to be")
    return message.strip().rstrip(".")


_WANTED = {"int_parsing": "a whole number", "float_parsing": "a number"}


def _flat(text: str) -> str:
    """A message of several lines, as libraries have them, as one."""
    return " ".join(text.split("\n"))


def _write(lines: list[str]) -> None:
    text = "".join(f"{visible(_flat(without_logins(line)))}\n" for line in lines)
    data = text.encode("utf-8", "backslashreplace")
    try:
        sys.stdout.flush()
        sys.stderr.buffer.write(data)
        sys.stderr.flush()
    except OSError:  # nobody listens
        return
