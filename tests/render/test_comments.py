"""A report as a comment on a pull request: short first, folded, cut, and safe against its texts."""

from __future__ import annotations

import re

import pytest

from otto_reconcile.model import Ref, make
from otto_reconcile.planning.plan import Action, Cause, Change, Operation, Plan
from otto_reconcile.render.comments import LIMIT, LONGEST, comment
from otto_reconcile.render.reports import BotPlan, Report

HOSTILE = "</details><img src=x> `````` @everyone [a](http://x) #1 \x1b[2J\n```\n<script>"


def update(bot: str = "desk", before: str = "old", after: str = "new") -> Action:
    change = (Change("action", before, after),)
    return Action(Operation.UPDATE, Ref("guideline", f"{bot}.a"), bot, Cause.DRIFTED, change)


def report(*bots: BotPlan, **fields: object) -> Report:
    return Report(bots or [BotPlan("desk", Plan((update(),)))], **fields)  # type: ignore[arg-type]


def outside(page: str) -> str:
    """What of the page is in no fence."""
    return re.sub(r"^(`{3,})diff\n.*?^\1$", "", page, flags=re.MULTILINE | re.DOTALL)


def test_the_summary_comes_first_and_bots_are_folded() -> None:
    assert comment(report(imported={"update": ["desk"]})) == (
        "**1 to change**\n\n"
        "```diff\nimport: update desk\n```\n\n"
        "<details>\n<summary><code>desk (Drifted)</code>: 1 to change</summary>\n\n"
        "```diff\n"
        "~ update guideline desk.a\n"
        '    action: "old" -> "new"\n'
        "```\n\n</details>\n"
    )


def test_no_difference_is_one_line() -> None:
    assert comment(Report()) == "**no difference**\n"


def test_texts_of_others_stay_in_their_fences() -> None:
    there = make("guideline", HOSTILE, "desk", {"condition": HOSTILE})
    ref = Ref("guideline", HOSTILE)
    strange = Action(Operation.REPORT, ref, "desk", Cause.UNMANAGED, observed=there)
    plans = BotPlan(HOSTILE, Plan((strange, update(before=HOSTILE)))), BotPlan("b", error=HOSTILE)
    page = comment(report(*plans, reaching=[HOSTILE], warnings=[HOSTILE], lost=HOSTILE))
    left = outside(page)
    assert "\x1b" not in page
    for bad in ("<img", "<script", "\n```", "[2J\n"):
        assert bad not in left
    assert left.count("<details>") == left.count("</details>") == 1
    assert re.findall(r"@everyone", re.sub("<code>.*?</code>", "", left)) == []


def test_what_was_not_compared_is_not_folded() -> None:
    page = comment(report(BotPlan("desk", error="no answer"), warnings=["look"]))
    assert page == (
        "**1 not compared**\n\n```diff\n! desk (not compared: no answer)\n! warning: look\n```\n"
    )


def many(bots: int, length: int) -> Report:
    return report(*(BotPlan(f"b{n}", Plan((update(f"b{n}", "x" * length),))) for n in range(bots)))


@pytest.mark.parametrize("found", [many(2000, 40), many(1, 200_000), many(90, 700)])
def test_a_long_page_is_cut_and_says_so(found: Report) -> None:
    page = comment(found)
    assert len(page) <= LONGEST < LIMIT
    first, _, second, *_ = page.splitlines()
    assert first.endswith(" to change**")
    assert second.startswith("*Cut at GitHub's limit of 65,536 characters;")
    assert "`" not in outside(page).replace("`otto-reconcile diff`", "")
    assert page.count("<details>") == page.count("</details>")


def test_a_cut_block_says_how_much_is_left() -> None:
    actions = tuple(update(f"b{n}") for n in range(100))
    page = comment(report(BotPlan("desk", Plan(actions))), 1200)
    assert len(page) <= 1200
    (left,) = re.findall(r"^\.\.\. (\d+) more lines$", page, re.MULTILINE)
    assert int(left) + page.count("\n~ ") + page.count("    action: ") == 200


def test_what_just_fits_is_not_cut() -> None:
    found = many(3, 10)
    whole = comment(found)
    assert comment(found, len(whole)) == whole
    assert "Cut at" in comment(found, len(whole) - 1)
