"""How one change looks: short, long, nested, masked, hostile."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otto_reconcile.planning.plan import Change
from otto_reconcile.render.changes import change_lines
from otto_reconcile.render.lines import visible
from tests.support.examples import examples

LONG = "a sentence that is long enough to need a line of its own when it is shown, "
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def shown(before: Any, after: Any, *, masked: bool = False, creating: bool = False) -> list[str]:
    change = Change("field", before, after, masked)
    return [line.text for line in change_lines(change, creating=creating)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("old", "new", ['field: "old" -> "new"']),
        (None, "new", ['field: (none) -> "new"']),
        ("old", None, ['field: "old" -> (none)']),
        (True, False, ["field: true -> false"]),
        (["a"], ["a", "b"], ['field: ["a"] -> ["a", "b"]']),
        (
            "one\ntwo\nthree",
            "one\n2\nthree",
            ["field:", "    one", "  - two", "  + 2", "    three"],
        ),
        (LONG + "a", LONG + "b", ["field:", f"  - {LONG}a", f"  + {LONG}b"]),
        ([LONG, "x"], [LONG, "y"], ["field:", f'    "{LONG}"', '  - "x"', '  + "y"']),
        ({"k": 1}, {"k": None, "m": 2}, ["field.k: 1 -> (none)", "field.m: (none) -> 2"]),
        (
            {"k": {"a": LONG, "b": [1, {"c": 2}]}},
            {"k": {"a": LONG, "b": [1, {"c": 3}], "d": "new"}},
            ["field.k.b[1].c: 2 -> 3", 'field.k.d: (none) -> "new"'],
        ),
    ],
)
def test_a_change(before: Any, after: Any, expected: list[str]) -> None:
    assert shown(before, after) == expected


def test_places_far_apart_in_a_text_are_separated() -> None:
    before = "\n".join(str(n) for n in range(9))
    after = before.replace("0", "zero").replace("8", "eight")
    assert shown(before, after) == [
        "field:", "  - 0", "  + zero", "    1", "  ...", "    7", "  - 8", "  + eight",
    ]  # fmt: skip


def test_what_is_new_is_shown_without_what_was() -> None:
    assert shown(None, "new", creating=True) == ['field: "new"']
    assert shown(None, "one\ntwo", creating=True) == ["field:", "  + one", "  + two"]
    assert shown(None, {"a": 1}, creating=True) == ["field.a: 1"]


@pytest.mark.parametrize("secret", ["s3cret", {"k": "s3cret"}, ["s3cret"], "s3cret\nlines"])
def test_secrets_are_never_shown_but_their_change_is(secret: Any) -> None:
    assert shown(None, secret, masked=True, creating=True) == ["field: (masked)"]
    assert shown("other", secret, masked=True) == ["field: (masked) -> (masked, changed)"]
    assert shown(secret, None, masked=True) == ["field: (masked) -> (none)"]


@settings(max_examples=examples(60), deadline=None)
@given(values, values, st.booleans())
def test_no_value_breaks_a_line_or_steers_a_terminal(
    before: Any, after: Any, creating: bool
) -> None:
    lines = shown(before, after, creating=creating)
    assert lines or before == after
    for line in lines:
        assert "\n" not in line
        assert all(c.isprintable() or c == "\t" for c in line)


@given(st.text())
def test_visible_text_is_left_as_it_is(text: str) -> None:
    escaped = visible(text)
    assert all(c.isprintable() or c == "\t" for c in escaped)
    if text.isprintable():
        assert escaped == text


@pytest.mark.process
def test_the_same_bytes_under_every_hash_seed() -> None:
    program = (
        "from otto_reconcile.planning.plan import Change\n"
        "from otto_reconcile.render.changes import change_lines\n"
        "old = {'k': {c: {'x': [c] * 30} for c in 'abcdef'}}\n"
        "new = {'k': {c: {'x': [c, 1] * 15} for c in 'fedcba'}}\n"
        "for line in change_lines(Change('m', old, new)): print(line.text)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, check=True, timeout=60,
        ).stdout
        for seed in ("0", "1", "2")
    }  # fmt: skip
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == 90
