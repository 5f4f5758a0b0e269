"""A report as a comment on a pull request, as GitHub and GitLab show it. Pure.

The summary comes first, and each bot is folded below it. Texts of others stand in fences that they
cannot end, and in headings only escaped, so none of them becomes HTML, a mention or a link.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from otto_reconcile.render.lines import counted, fenced, visible
from otto_reconcile.render.plans import counts_line, plan_lines, sections, summary_line
from otto_reconcile.render.reports import Report

LIMIT = 65_536
"""Characters that GitHub takes as one comment."""
LONGEST = LIMIT - 536
"""Characters of a page: what is left is for a line that a pipeline adds."""
_CUT = f"*Cut at GitHub's limit of {LIMIT:,} characters; `otto-reconcile diff` shows the rest.*"


class _Block(NamedTuple):
    """What stands in one fence, with what comes before and after it."""

    before: tuple[str, ...]
    lines: tuple[str, ...]
    after: tuple[str, ...]

    def text(self) -> str:
        return "\n".join([*self.before, fenced(self.lines), *self.after])


def comment(report: Report, longest: int = LONGEST) -> str:
    """A page in markdown of at most `longest` characters; where it was cut, it says so."""
    heading = f"**{summary_line(report)}**"
    blocks = list(_blocks(report))
    page = _page([heading, *(block.text() for block in blocks)])
    if len(page) <= longest:
        return page
    return _cut([heading, _CUT], blocks, longest)


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _blocks(report: Report) -> Iterator[_Block]:
    """The remarks in one, then a folded one to each bot."""
    found = list(sections(report))
    if remarks := tuple(_marked(one.heading.text) for one in found if not one.actions):
        yield _Block((), remarks, ())
    for section in found:
        if section.actions:
            name, told = visible(section.heading.text), counts_line(section.actions)
            title = f"<code>{html.escape(name)}</code>: {told}"
            yield _Block(
                ("<details>", f"<summary>{title}</summary>", ""),
                tuple(line.text for line in plan_lines(section.actions)),
                ("", "</details>"),
            )


def _marked(remark: str) -> str:
    """With the sign that is coloured in a difference."""
    return remark if remark.startswith(("! ", "import: ")) else f"! {remark}"


def _cut(parts: list[str], blocks: Sequence[_Block], longest: int) -> str:
    """Whole blocks as long as there is room, and of the next one as many lines as fit."""
    for block in blocks:
        text = block.text()
        if len(_page([*parts, text])) > longest:
            text = _shortened(block, longest - len(_page([*parts, ""])))
            return _page([*parts, text] if text else parts)
        parts = [*parts, text]
    return _page(parts)


def _shortened(block: _Block, room: int) -> str:
    """The block with as many of its lines as `room` has characters for; empty if for none."""
    fewest, most = 0, len(block.lines) - 1
    while fewest < most:
        middle = (fewest + most + 1) // 2
        if len(_first(block, middle).text()) <= room:
            fewest = middle
        else:
            most = middle - 1
    return _first(block, fewest).text() if fewest else ""


def _first(block: _Block, number: int) -> _Block:
    left = f"... {counted(len(block.lines) - number, 'more line')}"
    return block._replace(lines=(*block.lines[:number], left))
