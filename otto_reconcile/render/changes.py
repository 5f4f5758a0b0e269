"""Shows what changes in one field: short values side by side, longer ones line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from otto_reconcile.model import JSON
from otto_reconcile.planning.plan import Change
from otto_reconcile.planning.redaction import shown
from otto_reconcile.render.lines import NOTHING, Line, Span, Tone, brief, visible
from otto_reconcile.render.words import marked_lines

WIDTH = 100
"""Values that together take more characters than this get lines of their own."""


def change_lines(
    change: Change, *, creating: bool = False, indent: str = "", marking: bool = False
) -> Iterator[Line]:
    """The lines of one change, below `indent`; of what is new only the new value is shown.

    With `marking`, the words that differ are marked inside long texts.
    """
    before, after = shown(change)
    if change.masked:
        new = NOTHING if after is None else after
        yield Line(f"{indent}{change.field}: {new if before is None else f'{before} -> {new}'}")
    elif isinstance(before, dict | None) and isinstance(after, dict | None) and (before or after):
        before, after = before or {}, after or {}
        for key in sorted(before.keys() | after.keys()):
            label = f"{change.field}.{visible(key)}"
            sides = before.get(key), after.get(key)
            yield from value_lines(label, *sides, creating, indent, marking)
    else:
        yield from value_lines(change.field, before, after, creating, indent, marking)


def value_lines(
    label: str,
    before: JSON,
    after: JSON,
    creating: bool = False,
    indent: str = "",
    marking: bool = False,
) -> Iterator[Line]:
    """The lines of one value under its label."""
    sides = brief(after) if creating else f"{brief(before)} -> {brief(after)}"
    fits = len(sides) <= WIDTH and not (_has_lines(before) or _has_lines(after))
    if fits:
        yield Line(f"{indent}{label}: {sides}")
    elif places := _explained(before, after) if _nested(before, after) else []:
        for path, old, new in places:
            yield from value_lines(f"{label}{path}", old, new, False, indent, marking)
    else:
        yield Line(f"{indent}{label}:")
        for line in _long(before, after, marking):
            blank = f"{indent}  "
            spans = (Span(blank), *line.spans) if line.spans else ()
            yield Line(f"{blank}{line.text}", line.tone, spans)


def _long(before: JSON, after: JSON, marking: bool) -> Iterable[Line]:
    if marking and isinstance(before, str) and isinstance(after, str):
        marked = marked_lines(before, after)
        if marked is not None:
            return marked
    return _difference(_as_lines(before), _as_lines(after))


def _has_lines(value: JSON) -> bool:
    return isinstance(value, str) and "\n" in value


def _nested(before: JSON, after: JSON) -> bool:
    """True of two mappings, or two lists of which one holds more than plain values."""
    if isinstance(before, list) and isinstance(after, list):
        return any(isinstance(item, dict | list) for item in (*before, *after))
    return isinstance(before, dict) and isinstance(after, dict)


def _as_lines(value: JSON) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [visible(line) for line in value.split("\n")]
    if isinstance(value, list):
        return [brief(item) for item in value]
    return [brief(value)]


def _difference(before: list[str], after: list[str]) -> Iterator[Line]:
    """A unified difference with one line of context and without headers."""
    lines: Iterable[str] = difflib.unified_diff(before, after, lineterm="", n=1)
    for number, line in enumerate(lines):
        if number < 3:  # the two file names and the place of the first difference
            continue
        if line.startswith("@@"):
            yield Line("...", Tone.QUIET)
            continue
        sign = line[0]
        tone = {"+": Tone.ADDED, "-": Tone.REMOVED}.get(sign, Tone.QUIET)
        yield Line(f"{sign} {line[1:]}", tone)


def _explained(before: JSON, after: JSON) -> list[tuple[str, JSON, JSON]]:
    """Each place inside two nested values that differs: its path, what is there, what comes."""
    from deepdiff import DeepDiff
    from deepdiff.helper import NotPresent

    found: list[tuple[str, JSON, JSON]] = []
    for levels in DeepDiff(before, after, view="tree").values():
        for level in levels:
            old, new = (
                None if isinstance(side, NotPresent) else side for side in (level.t1, level.t2)
            )
            found.append((_path(level.path(output_format="list")), old, new))
    if any(old == before and new == after for _, old, new in found):
        return []  # it says no more than the two values do
    return sorted(found, key=lambda difference: difference[0])


def _path(keys: list[JSON]) -> str:
    return "".join(f"[{k}]" if isinstance(k, int) else f".{visible(str(k))}" for k in keys)
