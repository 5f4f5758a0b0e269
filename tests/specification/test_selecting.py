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
    ],
)
def test_a_selector_fits_as_in_kubectl(text: str, fits: bool) -> None:
    assert parsed(text).fits(LABELS) is fits


@pytest.mark.parametrize(
    "text", ["", " ", ",", "a=b,", "a in b", "a in (b", "=b", "a=b=c", "a b", "!", "a!b", "a>1"]
)
def test_what_is_no_selector_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(SettingsError, match="is no selector of labels") as caught:
        parsed(text)
    assert "key in (a,b)" in str(caught.value.hint)
