"""The guard against mass deletion, and what it says."""

from __future__ import annotations

import pytest

from otto_reconcile.errors import Guarded
from otto_reconcile.planning.guard import check

TEN = [f"b{number}" for number in range(10)]
FORTY = [f"b{number:02}" for number in range(40)]


@pytest.mark.parametrize(
    ("wanted", "present", "more"),
    [
        (TEN[1:], TEN, {}),
        (TEN, TEN, {"gone": ["x", "y", "z"]}),
        ([], TEN, {"allowed": TEN}),
        (FORTY[4:], FORTY, {}),
        (FORTY[1:], FORTY, {"gone": [*FORTY[1:9], "b00"]}),
    ],
)
def test_little_may_go(wanted: list[str], present: list[str], more: dict[str, list[str]]) -> None:
    check(wanted, present, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "present", "more", "message", "hint"),
    [
        (
            TEN[2:], TEN, {}, "refused to delete 2 of 10 bots at once: b0, b1",
            "otto-reconcile delete b0 b1",
        ),
        (
            [], TEN, {"of": "bots of this folder"},
            "refused to delete all bots of this folder at once: b0, b1, b2, b3, b4 and 5 more",
            "otto-reconcile delete --held-back",
        ),
        (
            [], TEN, {"folder": "/a b"},
            "refused to delete all bots at once: b0, b1, b2, b3, b4 and 5 more",
            "otto-reconcile delete --gone-from '/a b'",
        ),
        (
            ["b"], ["a"], {}, "refused to delete all bots at once: a",
            "otto-reconcile delete a; one that only has another id now says so with `renamedFrom`",
        ),
        (
            [], ["a"], {}, "refused to delete all bots at once: a", "otto-reconcile delete a",
        ),
        (
            TEN[1:], TEN, {"gone": ["x"]},
            ("refused to delete b0: with what was deleted in the last 10 minutes that is 2 of 11 "
            "bots"),
            "otto-reconcile delete b0",
        ),
        (
            TEN[3:], TEN, {"allowed": ["b0"], "gone": ["x"]},
            "refused to delete 2 of 10 bots at once: b1, b2", "otto-reconcile delete b1 b2",
        ),
    ],
)  # fmt: skip
def test_too_much_is_refused_with_the_command_that_does_it(
    wanted: list[str], present: list[str], more: dict[str, object], message: str, hint: str
) -> None:
    with pytest.raises(Guarded) as refused:
        check(wanted, present, **more)  # type: ignore[arg-type]
    assert refused.value.message == message
    assert refused.value.hint == f"if that is meant: {hint}"
    allowed = more.get("allowed", ())
    assert isinstance(allowed, list | tuple)
    assert set(refused.value.names) == {*present} - {*wanted} - {*allowed}
