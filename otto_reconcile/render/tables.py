"""Tables: columns for a pipe, markdown for a page, and rows for a terminal (see `cli.console`)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from otto_reconcile.render.lines import visible


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` are the headings; every row has as many cells, None for an empty one."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def cells(self) -> list[list[str]]:
        """The rows as texts of one line each."""
        return [[_cell(value) for value in row] for row in self.rows]


def _cell(value: object) -> str:
    return "" if value is None else visible(" ".join(str(value).split()))


def columns(table: Table) -> Iterator[str]:
    """Aligned columns two spaces apart; nothing is ever cut off or wrapped."""
    headings = [name.upper() for name in table.columns]
    rows = [headings, *table.cells()]
    widths = [max(_width(row[i]) for row in rows) for i in range(len(headings))]
    for row in rows:
        cells = (
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """How many places a terminal gives to the text."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)


def markdown(table: Table) -> str:
    """A table as GitHub shows it."""
    rows = [
        [cell.replace("\\", "\\\\").replace("|", "\\|") for cell in row] for row in table.cells()
    ]
    lines = [list(table.columns), ["---"] * len(table.columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
