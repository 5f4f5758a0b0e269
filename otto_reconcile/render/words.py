"""Marks what differs inside two long texts, word by word: `[-old-]{+new+}`, or in colours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise

from otto_reconcile.render.lines import Line, Span, Tone, visible

MOST = 20_000
"""Texts of more words than this together are compared line by line."""
ALIKE = 0.3
"""Texts that have less than this in common are two texts, not one that changed."""
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_SIGNS = {Tone.REMOVED: ("[-", "-]"), Tone.ADDED: ("{+", "+}")}


def marked_lines(before: str, after: str) -> list[Line] | None:
    """The lines of both texts with what differs in them marked, and one line around each.

    None where that would help nobody: the texts are too long, or have too little in common.
    """
    old, new = _tokens(before), _tokens(after)
    if len(old) + len(new) > MOST:
        return None
    matcher = SequenceMatcher(str.isspace, old, new)
    if matcher.ratio() < ALIKE:
        return None
    return list(_around_changes(list(_lines(_joined(_spans(matcher, old, new))))))


def _tokens(text: str) -> list[str]:
    return _WORDS.findall(text)


def _spans(matcher: SequenceMatcher[str], old: list[str], new: list[str]) -> Iterator[Span]:
    for operation, i1, i2, j1, j2 in matcher.get_opcodes():
        if operation == "equal":
            yield Span("".join(new[j1:j2]))
            continue
        end = old[i2 - 1] if i1 < i2 and j1 < j2 and old[i2 - 1] == new[j2 - 1] else ""
        same = int(end.isspace())  # which the matcher takes for part of a change
        yield Span("".join(old[i1 : i2 - same]), Tone.REMOVED)
        yield Span("".join(new[j1 : j2 - same]), Tone.ADDED)
        if same:
            yield Span(end)


def _joined(spans: Iterator[Span]) -> list[Span]:
    """Words in a row that changed are one change: only a blank is between them."""
    groups: list[list[Span]] = [[]]
    for span in spans:
        if not span.text:
            continue
        if span.tone is Tone.PLAIN and not (span.text.isspace() and "\n" not in span.text):
            groups += [[span], []]
        else:
            groups[-1].append(span)
    return [span for group in groups for span in _one_change(group)]


def _one_change(group: list[Span]) -> list[Span]:
    """Blanks at its ends are no part of it."""
    first = next((n for n, span in enumerate(group) if span.tone is not Tone.PLAIN), len(group))
    last = next(
        (n for n in range(len(group) - 1, -1, -1) if group[n].tone is not Tone.PLAIN), first - 1
    )
    inner = group[first : last + 1]
    merged = [
        Span("".join(span.text for span in inner if span.tone in (Tone.PLAIN, tone)), tone)
        for tone in (Tone.REMOVED, Tone.ADDED)
        if any(span.tone is tone for span in inner)
    ]
    return [*group[:first], *merged, *group[last + 1 :]]


def _lines(spans: list[Span]) -> Iterator[Line]:
    """Lines as they are now; a line end that changed is spelt out."""
    line: list[Span] = []
    for span in spans:
        if span.tone is Tone.REMOVED:
            line.append(Span(visible(span.text), span.tone))
            continue
        first, *rest = span.text.split("\n")
        end = "\\n" if span.tone is Tone.ADDED else ""
        for piece, following in pairwise([first, *rest, None]):
            text = visible(piece or "") + (end if following is not None else "")
            line += [Span(text, span.tone)] if text else []
            if following is not None:
                yield _line(line)
                line = []
    if line:
        yield _line(line)


def _line(spans: list[Span]) -> Line:
    changed = any(span.tone is not Tone.PLAIN for span in spans)
    text = "".join(_signed(span) for span in spans)
    return Line(text, Tone.PLAIN if changed else Tone.QUIET, tuple(spans) if changed else ())


def _signed(span: Span) -> str:
    opening, closing = _SIGNS.get(span.tone, ("", ""))
    return f"{opening}{span.text}{closing}"


def _around_changes(lines: list[Line]) -> Iterator[Line]:
    near = [
        any(line.spans for line in lines[max(0, number - 1) : number + 2])
        for number in range(len(lines))
    ]
    for number, line in enumerate(lines):
        if near[number]:
            yield line
        elif number and near[number - 1] and any(near[number:]):
            yield Line("...", Tone.QUIET)
