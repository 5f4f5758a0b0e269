"""Label selectors: what fits, and what is none."""

from __future__ import annotations

import pytest

from otto_reconcile.errors import SettingsError
from otto_reconcile.runtime.selecting import parsed

LABELS = {"team": "shop", "tier": "gold", "example.com/x": ""}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("team=shop", True),
        ("team==shop", True),
        ("team = help", False),
        ("team!=help", True),
        ("team!=shop", False),
        ("other!=x", True),
        ("team in (shop, help)", True),
        ("team in (help)", False),
        ("team notin (help)", True),
        ("other notin (x)", True),
        ("team notin (shop,help)", False),
        ("team", True),
        ("other", False),
        ("!other", True),
        ("!team", False),
        ("example.com/x=", True),
        ("team=shop,tier!=silver, tier in (gold,silver),!other", True),
        ("team=shop,tier=silver", False),
        ("team in(help,shop),tier", True),
        (" ! other ", True),
        ("in=x", False),
        ("team!=in", True),
        ("example.com/x in (,y)", True),
        ("other in (,y)", False),
        ("team=Läden", False),
    ],
)
def test_a_selector_fits_as_in_kubectl(text: str, fits: bool) -> None:
    assert parsed(text).fits(LABELS) is fits


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "at character 1 there is nothing more, where a key or `!` should be"),
        (" ", "at character 1 there is nothing more, where a key or `!` should be"),
        (",", "at character 1 there is `,`, where a key or `!` should be"),
        ("=", "at character 1 there is `=`, where a key or `!` should be"),
        ("a=b,", "at character 5 there is nothing more, where a key or `!` should be"),
        ("a,,b", "at character 3 there is `,`, where a key or `!` should be"),
        ("a==b==c", "at character 5 there is `==`, where a comma or the end should be"),
        ("a===b", "at character 4 there is `=`, where a comma or the end should be"),
        ("a=b=c", "at character 4 there is `=`, where a comma or the end should be"),
        ("a=b c", "at character 5 there is `c`, where a comma or the end should be"),
        ("a!b", "at character 2 there is `!`, where a comma, `=`, `==`, `!=`, `in` or"),
        ("a b", "at character 3 there is `b`, where a comma, `=`, `==`, `!=`, `in` or"),
        ("a>1", "at character 2 there is `>`, where a comma, `=`, `==`, `!=`, `in` or"),
        ("!", "at character 2 there is nothing more, where a key should be"),
        ("!!a", "at character 2 there is `!`, where a key should be"),
        ("!a=b", "at character 3 there is `=`, where a comma or the end should be"),
        ("a in b", "at character 6 there is `b`, where `(` should be"),
        ("a in ()", "at character 7 there is `)`, where a value should be"),
        ("a in (b", "at character 8 there is nothing more, where a comma or `)` should be"),
        ("a in (b c)", "at character 9 there is `c`, where a comma or `)` should be"),
        ("a in (b))", "at character 9 there is `)`, where a comma or the end should be"),
        ("a IN (b)", "at character 3 there is `IN`, where a comma, `=`"),
    ],
)
def test_what_is_no_selector_is_refused_with_its_place(text: str, where: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parsed(text)
    assert str(caught.value).startswith(f"-l {text!r} is no selector of labels: {where}")
    assert "key in (a,b)" in str(caught.value.hint)
