"""`suspend`, `ignore` and the wave in a manifest: kept as annotations, written as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile import manifest
from tests.manifest.test_load import bots, refused

TEXT = """\
apiVersion: otto/v1
kind: Bot
metadata:
  id: a
  suspend: true
  ignore: [description, guidelines/greet/action, "guidelines/*/priority"]
  windows:
    - {cron: "0 9 * * mon-fri", duration: 8h, timezone: Europe/Berlin}
    - {kind: deny, cron: "0 12 * * *", duration: 1h30m}
  annotations: {otto/wave: -2, mine: x}
spec:
  name: A
  guidelines: [{id: greet, condition: c, action: x}]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bot.yaml"
    path.write_text(text)
    return path


def test_they_are_kept_and_written_as_they_were(tmp_path: Path) -> None:
    (bot,) = bots(write(tmp_path, TEXT))
    assert (bot.suspension, bot.wave, bot.suspended) == ("suspended by its manifest", -2, False)
    assert bot.annotations["mine"] == "x"
    text = manifest.dump([bot])
    assert "  suspend: true\n" in text
    assert "otto/ignore" not in text
    assert "otto/windows" not in text
    assert bots(write(tmp_path, text)) == [bot]


def test_false_and_an_empty_list_are_as_nothing(tmp_path: Path) -> None:
    text = TEXT.replace("suspend: true", "suspend: false").replace(
        '[description, guidelines/greet/action, "guidelines/*/priority"]', "[]"
    )
    start, end = text.index("  windows"), text.index("  annotations")
    (bot,) = bots(write(tmp_path, text[:start] + text[end:]))
    assert (bot.suspension, bot.annotations) == (None, {"otto/wave": -2, "mine": "x"})


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("otto/wave: -2", "otto/wave: soon", ":10:28: `otto/wave` must be a whole number"),
        ("[description,", "[descripton,", ":6:12: a bot has no field `descripton` (did you mean"),
        ("greet/action,", "gret/action,", ":6:25: there is no `gret` in `guidelines` (did you"),
        ("greet/action,", "greet/acton,", ":6:25: a guideline has no field `acton` (did you mean"),
        ("guidelines/greet/action", "guideline/x/y", ":6:25: `guideline/x/y` is no field that"),
        ("guidelines/greet/action", "a/b", ":6:25: `a/b` is no field that could be ignored"),
        ("8h", "8 hours", ":8:43: this is no duration (write days, hours and minutes"),
        ("0 9 * * mon-fri", "0 9 * *", ":8:14: this is no cron expression"),
        ("Europe/Berlin", "Europe/Berlln", ":8:57: `Europe/Berlln` is no time zone that this"),
        ("kind: deny", "kind: forbid", ":9:14: `kind` must be one of allow, deny, not `forbid`"),
        ("suspend: true", "suspend: yes", ":5:12: `suspend` must be true or false, not text"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, before: str, after: str, fault: str
) -> None:
    assert before in TEXT
    assert fault in refused(write(tmp_path, TEXT.replace(before, after)))


def test_a_bad_cron_hides_nothing_else(tmp_path: Path) -> None:
    text = TEXT.replace("0 9 * * mon-fri", "0 25 * * mon-fri")
    for before, after in (
        ("Europe/Berlin", "Europe/Berlln"),
        ("0 12 * * *", "0 12 31 2 *"),
        ("1h30m", "x"),
        ("[description,", "[descripton,"),
    ):
        text = text.replace(before, after)
    found = refused(write(tmp_path, text))
    assert ":8:14: this is no cron expression: `25` is no hour (0 to 23)" in found
    for told in (
        ":6:12: a bot has no field `descripton`",
        ":8:58: `Europe/Berlln` is no time zone",
        ":9:26: this is no cron expression, for it never comes (",
        ":9:51: this is no duration",
    ):
        assert told in found, told


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("60 9 * * *", "`60` is no minute (0 to 59)"),
        ("0 9 0 * *", "`0` is no day of the month (1 to 31)"),
        ("0 9 * jun-foo *", "`jun-foo` is no month (1 to 12, or jan to dec)"),
        ("0 9 * * mo", "`mo` is no day of the week (0 to 7, or sun to sat)"),
        ("0 9 * *", "it has 4 fields, not five"),
        ("hourly", "it has 1 field, not five"),
    ],
)
def test_the_field_of_a_cron_that_is_wrong_is_named(tmp_path: Path, cron: str, told: str) -> None:
    found = refused(write(tmp_path, TEXT.replace("0 9 * * mon-fri", cron)))
    assert f":8:14: this is no cron expression: {told} (write five fields" in found


def test_what_bots_share_has_none_of_them(tmp_path: Path) -> None:
    text = (
        "apiVersion: otto/v1\nkind: Glossary\nmetadata: {id: g, suspend: true}\n"
        "spec: {used_by: {all: true}}\n"
    )
    assert "unknown key `suspend`" in refused(write(tmp_path, text))
