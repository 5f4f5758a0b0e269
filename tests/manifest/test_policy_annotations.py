"""Policies that are written as annotations are checked as those of the metadata are."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput
from tests.manifest.test_load import bots, refused
from tests.manifest.test_policies import write

TEXT = """\
apiVersion: otto/v1
kind: Bot
metadata:
  id: a
  annotations:
    otto/wave: "3"
    otto/suspend: true
    otto/ignore: [description, "guidelines/*/priority"]
    otto/windows: [{cron: "0 9 * * *", duration: 8h, timezone: null}]
    mine: x
    example.org/otto: y
spec:
  name: A
  guidelines: [{id: greet, condition: c, action: x}]
"""


def test_what_is_valid_stays_valid(tmp_path: Path) -> None:
    (bot,) = bots(write(tmp_path, TEXT))
    assert (bot.suspension, bot.wave) == ("suspended by its manifest", 3)
    assert bot.annotations["otto/ignore"] == ["description", "guidelines/*/priority"]
    assert (bot.annotations["mine"], bot.annotations["example.org/otto"]) == ("x", "y")
    (bot,) = bots(write(tmp_path, TEXT.replace("suspend: true", "suspend: false")))
    assert bot.suspension is None


WINDOWS = '[{cron: "0 9 * * *", duration: 8h, timezone: null}]'
IGNORE = '[description, "guidelines/*/priority"]'


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('"3"', "x", ":6:16: `otto/wave` must be a whole number (lower ones come first"),
        ('"3"', "", ":6:15: `otto/wave` must be a whole number"),
        ("suspend: true", "suspend: maybe", ":7:19: `otto/suspend` must be true or false, not t"),
        ("suspend: true", "suspend: null", ":7:19: `otto/suspend` must be true or false, not n"),
        (IGNORE, "description", ":8:18: `otto/ignore` must be a list, not text"),
        (IGNORE, "[1]", ":8:19: item 1 of `otto/ignore` must be text, not a number"),
        ("description", "descripton", ":8:19: a bot has no field `descripton` (did you mean"),
        (WINDOWS, "foo", ":9:19: `otto/windows` must be a list, not text"),
        (WINDOWS, "[foo]", ":9:20: item 1 of `otto/windows` must be a mapping, not text"),
        ("0 9 * * *", "0 9", ":9:27: this is no cron expression"),
        ("duration", "duraton", ":9:40: unknown key `duraton` (did you mean `duration`?)"),
        ("8h", "8 hours", ":9:50: this is no duration (write days, hours and minutes"),
        ("timezone: null", "timezone: Mars", ":9:64: `Mars` is no time zone that this"),
        (
            "otto/suspend",
            "otto/suspnd",
            ":7:5: there is no annotation `otto/suspnd` (did you mean `otto/suspend`?)",
        ),
        ("otto/suspend", "Otto/Suspend", ":7:5: there is no annotation `Otto/Suspend` (did you"),
        (
            "otto/suspend",
            "otto/team",
            (
                ":7:5: there is no annotation `otto/team` (there are: otto/ignore, otto/suspend,"
                " otto/wave, otto/windows; begin your own with something else)"
            ),
        ),
        ("otto/suspend", "otto/renamed", ":7:5: `otto/renamed` is no list of renamed parts"),
        ("id: a", "id: a\n  suspend: false", ":8:5: `suspend` says otherwise (keep one of them)"),
        ("id: a", "id: a\n  ignore: [name]", ":9:5: `ignore` says otherwise (keep one of them)"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, before: str, after: str, fault: str
) -> None:
    assert before in TEXT
    assert fault in refused(write(tmp_path, TEXT.replace(before, after, 1)))


def test_a_secret_in_one_is_not_quoted(tmp_path: Path) -> None:
    text = TEXT.replace('"0 9 * * *"', '"${secret:WORD}"')
    with pytest.raises(InvalidInput) as caught:
        manifest.load([write(tmp_path, text)], environ={"WORD": "hush"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["otto/wave", "otto/suspnd"])
def test_what_bots_share_has_none_of_them(tmp_path: Path, name: str) -> None:
    text = (
        "apiVersion: otto/v1\nkind: Glossary\nmetadata:\n  id: g\n"
        f"  annotations: {{{name}: 1, mine: 2}}\nspec: {{used_by: {{all: true}}}}\n"
    )
    fault = refused(write(tmp_path, text))
    assert f":5:17: what bots share has no annotation `{name}` (remove it" in fault


def test_a_field_of_what_bots_share_may_be_ignored(tmp_path: Path) -> None:
    shared = (
        "---\napiVersion: otto/v1\nkind: Glossary\nmetadata: {id: g}\n"
        "spec: {used_by: {all: true}, terms: [{name: RMA, description: d}]}\n"
    )
    text = TEXT.replace("[description,", "[terms/rma/description,") + shared
    assert len(bots(write(tmp_path, text))) == 1
