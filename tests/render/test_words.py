"""Words marked inside long texts: both texts can be read out of what is shown."""

from __future__ import annotations

from difflib import SequenceMatcher

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otto_reconcile.planning.plan import Change
from otto_reconcile.render.changes import change_lines
from otto_reconcile.render.lines import Tone
from otto_reconcile.render.words import MOST, _joined, _spans, _tokens, marked_lines
from tests.support.examples import examples


def marked(before: str, after: str) -> list[str]:
    lines = marked_lines(before, after)
    assert lines is not None
    return [line.text for line in lines]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Ask for it first", "Ask for it last", ["Ask for it [-first-]{+last+}"]),
        ("text one\n", "text two\n", ["text [-one-]{+two+}"]),
        ("text one\n", "text one", ["text one[-\\n-]"]),
        ("one\nlast\n", "two\nlast\n", ["[-one-]{+two+}", "last"]),
        ("Ask for it", "Ask politely for it", ["Ask {+politely +}for it"]),
        (
            "be polite at all times, please",
            "be brief, please",
            ["be [-polite at all times-]{+brief+}, please"],
        ),
        (
            "1\n2\n3\n4\n5\nthe old end",
            "1\n2\n3\n4\n5\nthe new end",
            ["5", "the [-old-]{+new+} end"],
        ),
        (
            "the old start\n2\n3\n4\n5\n6\nthe old end",
            "the new start\n2\n3\n4\n5\n6\nthe new end",
            ["the [-old-]{+new+} start", "2", "...", "6", "the [-old-]{+new+} end"],
        ),
        ("a b c\nd e f", "a b c d e f", [r"a b c[-\n-]{+ +}d e f"]),
        ("a b c d", "a b c d\nand e", [r"a b c d{+\n+}", "{+and e+}"]),
        ("a \x1b[2J b c", "a \x1b[2J b d", [r"a \x1b[2J b [-c-]{+d+}"]),
    ],
)
def test_words_are_marked(before: str, after: str, expected: list[str]) -> None:
    assert marked(before, after) == expected


def test_two_texts_without_anything_in_common_are_not_marked() -> None:
    assert marked_lines("one two three", "eins zwei drei") is None
    long = "w " * MOST
    assert marked_lines(long, long + "x") is None
    change = Change("field", "one two " * 20, "eins zwei " * 20)
    texts = [line.text for line in change_lines(change, marking=True)]
    assert [text.lstrip()[:1] for text in texts] == ["f", "-", "+"]


def test_marks_stand_in_places_of_nested_values() -> None:
    text = "a sentence that is long enough to need a line of its own when it is shown, and more "
    change = Change("metadata", {"k": {"a": f"{text}x", "b": 1}}, {"k": {"a": f"{text}y", "b": 1}})
    assert [line.text for line in change_lines(change, marking=True)] == [
        "metadata.k.a:",
        f"  {text}[-x-]{{+y+}}",
    ]


def test_a_short_text_is_shown_side_by_side() -> None:
    change = Change("field", "old", "new")
    assert [line.text for line in change_lines(change, marking=True)] == ['field: "old" -> "new"']


words = st.lists(st.sampled_from(["ask", "for", "the", "number", ",", " ", " ", "\n", "é"])).map(
    "".join
)


@given(words, words)
@settings(max_examples=examples(300), deadline=None)
def test_both_texts_can_be_read_out_of_the_spans(before: str, after: str) -> None:
    old, new = _tokens(before), _tokens(after)
    spans = _joined(_spans(SequenceMatcher(str.isspace, old, new), old, new))
    assert "".join(s.text for s in spans if s.tone is not Tone.ADDED) == before
    assert "".join(s.text for s in spans if s.tone is not Tone.REMOVED) == after
    lines = marked_lines(before, after)
    assert lines is None or bool(lines) == (before != after)
