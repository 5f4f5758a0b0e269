"""Everything that the commands print goes through here: plain, or with colours on a terminal.

Nothing leaves that could steer a terminal but those colours, see `escaping`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from errno import EBADF
from typing import TYPE_CHECKING, Any

from otto_reconcile.cli.surroundings import give_up_output
from otto_reconcile.errors import OttoError
from otto_reconcile.runtime.escaping import escaped, visible, visible_lines, without_logins

if TYPE_CHECKING:
    from otto_reconcile.render.lines import Line, Span
    from otto_reconcile.render.tables import Table


class Output(StrEnum):
    """How a command shows what it found."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    MARKDOWN = "markdown"


class Verdict(StrEnum):
    """How `validate` shows what it found: as all commands do, or as code hosts take it."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    MARKDOWN = "markdown"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"


class Data(StrEnum):
    """The form of what is a document in itself."""

    JSON = "json"
    YAML = "yaml"


class Drawing(StrEnum):
    """How `graph` draws."""

    TREE = "tree"
    MERMAID = "mermaid"


_COLOURS = {"heading": "1", "added": "32", "removed": "31", "changed": "33", "quiet": "2"}


def on_terminal() -> bool:
    return sys.stdout.isatty()


def colourful() -> bool:
    """On a terminal that is not dumb, unless NO_COLOR is set."""
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write(document: str) -> None:
    """A document as UTF-8, whatever the locale; what UTF-8 cannot hold is escaped.

    JSON, YAML and what else has escapes has escaped already what steers a terminal; in anything
    else it is spelt out here.
    """
    _emit(escaped(document))


def _emit(text: str) -> None:
    with writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))


@contextmanager
def writing() -> Iterator[None]:
    """Raises BrokenPipeError if the reader has gone, OttoError for a full disk and the like."""
    try:
        yield
    except BrokenPipeError:
        give_up_output()
        raise
    except OSError as error:
        give_up_output()
        why = "standard output is closed" if error.errno == EBADF else error.strerror
        raise OttoError(f"the output cannot be written: {why}") from error


def say(text: str) -> None:
    """One line: no user and no password of a URL gets into it."""
    _emit(f"{visible(without_logins(text))}\n")


def say_text(text: str) -> None:
    """A text of ours of several lines; what is others' in it is on one line."""
    _emit(f"{visible_lines(without_logins(text))}\n")


def note(text: str) -> None:
    """A remark of one line beside the output: on the error output."""
    data = f"{visible(without_logins(text))}\n".encode("utf-8", "backslashreplace")
    with suppress(OSError, ValueError):  # what was said before comes first
        sys.stdout.flush()
    with suppress(OSError):  # nobody listens
        sys.stderr.buffer.write(data)
        sys.stderr.flush()


def say_lines(lines: Iterable[Line]) -> None:
    """Lines, each in the colour of its tone, or of the tones of its parts."""
    colours: Mapping[str, str] = _COLOURS if colourful() else {}
    for line in lines:
        if line.spans and colours:
            _emit("".join(_coloured(span, colours) for span in line.spans) + "\n")
        else:
            _emit(_coloured(line, colours) + "\n")


def _coloured(said: Line | Span, colours: Mapping[str, str]) -> str:
    colour, text = colours.get(said.tone), visible(said.text)
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


def say_data(value: Any, output: Output) -> None:
    """A document as JSON or YAML."""
    from otto_reconcile.render.data import to_json, to_yaml

    write(to_yaml(value) if output is Output.YAML else to_json(value))


def say_table(table: Table, output: Output = Output.TABLE) -> None:
    """A table: rich's on a terminal, columns elsewhere, or markdown."""
    from otto_reconcile.render import tables

    if output is Output.MARKDOWN:
        write(tables.markdown(table))
    elif on_terminal():
        _say_rich(table)
    else:
        for line in tables.columns(table):
            say(line)


def _say_rich(table: Table) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=None, pad_edge=False, header_style="bold")
    for name in table.columns:
        grid.add_column(name.upper(), overflow="fold")
    for row in table.cells():
        grid.add_row(*(Text(str(without_logins(cell)), style=_WORDS.get(cell, "")) for cell in row))
    with writing():
        sys.stdout.flush()
    Console(color_system="auto" if colourful() else None, highlight=False).print(grid)


_WORDS = {
    "Synced": "green",
    "Healthy": "green",
    "succeeded": "green",
    "OutOfSync": "yellow",
    "Progressing": "yellow",
    "Suspended": "yellow",
    "skipped": "yellow",
    "Degraded": "red",
    "Missing": "red",
    "failed": "red",
    "unknown": "red",
}
