"""`renamedFrom` beside an `id`: kept as an annotation, written as it was, refused where wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import snapshot_of
from otto_reconcile.model.bot import RENAMED
from tests.manifest.test_load import bots, refused

TEXT = """\
apiVersion: otto/v1
kind: Bot
metadata: {id: desk, annotations: {mine: x}}
spec:
  name: Desk
  guidelines:
    - {id: hello, renamedFrom: greet, condition: c, action: x}
    - {id: bye, condition: d, action: y}
    - {exact_id: Q.1, renamedFrom: X_2, condition: e, action: z}
  journeys:
    - id: give-back
      renamedFrom: desk.return
      title: Return
      description: d
      conditions: [c]
      guidelines: [{id: inner, renamedFrom: within, condition: f, action: z}]
      states:
        - {id: ask, renamedFrom: question, chat: Which one?}
        - {id: thank, chat: Thank you}
"""
PLAIN = "\n".join(
    line
    for line in TEXT.replace("renamedFrom: greet, ", "")
    .replace("renamedFrom: X_2, ", "")
    .replace("renamedFrom: within, ", "")
    .replace("renamedFrom: question, ", "")
    .splitlines()
    if "renamedFrom" not in line
)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bot.yaml"
    path.write_text(text)
    return path


def test_it_is_kept_and_written_as_it_was(tmp_path: Path) -> None:
    (bot,) = bots(write(tmp_path, TEXT))
    assert [tuple(one.values()) for one in bot.annotations[RENAMED]] == [
        ("guideline", "Q.1", "X_2"),
        ("guideline", "desk.hello", "greet"),
        ("guideline", "desk.inner", "within"),
        ("journey", "desk.give-back", "desk.return"),
        ("state", "desk.give-back/ask", "question"),
    ]
    text = manifest.dump([bot])
    assert text.count("renamedFrom: ") == 5
    assert RENAMED not in text
    assert bots(write(tmp_path, text)) == [bot]


def test_it_is_no_part_of_what_a_target_gets(tmp_path: Path) -> None:
    (renamed,), (plain,) = bots(write(tmp_path, TEXT)), bots(write(tmp_path, PLAIN))
    assert snapshot_of(renamed) == snapshot_of(plain)
    assert plain.annotations == {"mine": "x"}
    without = renamed.model_copy(update={"annotations": plain.annotations})
    assert without.digest() == plain.digest()


def test_an_annotation_that_no_part_fits_stays_one(tmp_path: Path) -> None:
    (bot,) = bots(write(tmp_path, TEXT))
    for change in (
        {"guidelines": [g for g in bot.guidelines if g.id != "desk.hello"]},
        {
            "guidelines": [
                *bot.guidelines,
                bot.guidelines[0].model_copy(update={"id": "desk.greet"}),
            ]
        },
    ):
        other = bot.model_copy(update=change)
        text = manifest.dump([other])
        assert RENAMED in text
        assert "renamedFrom" not in text
        (again,) = bots(write(tmp_path, text))
        assert again.annotations == other.annotations
    text = manifest.dump([bot.model_copy(update={"annotations": {RENAMED: "soon"}})])
    assert "`otto/renamed` is no list of renamed parts" in refused(write(tmp_path, text))


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (
            "renamedFrom: greet",
            "renamedFrom: bye",
            ":7:32: `bye` is still in `guidelines` (line 8)",
        ),
        ("renamedFrom: greet", "renamedFrom: desk.bye", ":7:32: `desk.bye` is still in `guide"),
        (
            "renamedFrom: greet",
            "renamedFrom: Q.1",
            ":7:32: `Q.1` is still in `guidelines` (line 9)",
        ),
        ("renamedFrom: greet", "renamedFrom: inner", ":7:32: `inner` is still in `guidelines`"),
        ("renamedFrom: greet", "renamedFrom: hello", ":7:32: it is renamed from its own id"),
        (
            "renamedFrom: greet",
            "renamedFrom: ''",
            ":7:32: `renamedFrom` may hold only letters, digits and",
        ),
        ("renamedFrom: within", "renamedFrom: greet", ":16:45: two guidelines are renamed from `g"),
        ("{id: hello, ", "{", ":7:21: `renamedFrom` stands beside an `id`, and there is none"),
        ("desk.return", "give-back", ":12:20: it is renamed from its own id"),
        ("renamedFrom: question", "renamedFrom: thank", ":18:34: `thank` is still in `states`"),
        ("renamedFrom: question", "renamedFrom: ask", ":18:34: it is renamed from its own id"),
        ("{id: ask, ", "{", ":18:25: `renamedFrom` stands beside an `id`, and there is none"),
        (
            "{id: thank, ",
            "{id: thank, renamedFrom: question, ",
            ":19:36: two states are renamed from `question` (keep one of them; the first is on",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, before: str, after: str, fault: str
) -> None:
    assert before in TEXT
    assert fault in refused(write(tmp_path, TEXT.replace(before, after, 1)))


BOTS = """\
apiVersion: otto/v1
kind: Bot
metadata: {id: a}
spec: {name: A}
---
apiVersion: otto/v1
kind: Bot
metadata:
  id: b
  renamedFrom: FORMER
spec: {name: B}
---
apiVersion: otto/v1
kind: Bot
metadata: {id: c, renamedFrom: z}
spec: {name: C}
"""


@pytest.mark.parametrize(
    ("former", "fault"),
    [
        ("a", ":10:16: the bot `a`, from which this one is renamed, is still there (remove it ("),
        ("b", ":10:16: it is renamed from its own id (remove `renamedFrom`)"),
        ("z", ":15:32: two bots are renamed from `z` (keep one of them; the first is"),
    ],
)
def test_a_former_bot_is_gone_and_that_of_one(tmp_path: Path, former: str, fault: str) -> None:
    assert fault in refused(write(tmp_path, BOTS.replace("FORMER", former)))


def test_a_bot_with_another_fault_is_still_there(tmp_path: Path) -> None:
    found = refused(write(tmp_path, BOTS.replace("FORMER", "a").replace("name: A", "nam: A")))
    assert ":10:16: the bot `a`, from which this one is renamed, is still there" in found


def test_an_overlay_that_keeps_the_former_names_it(tmp_path: Path) -> None:
    write(tmp_path, TEXT)
    (tmp_path / "prod.yaml").write_text(
        "apiVersion: otto/v1\nkind: Overlay\nmetadata: {environment: prod}\nspec:\n"
        "  patches:\n    - target: desk\n      spec:\n        guidelines:\n"
        "          - {id: greet, $patch: add, condition: c2, action: x}\n"
    )
    with pytest.raises(InvalidInput) as caught:
        manifest.load([tmp_path], environ={}, env="prod")
    place = f"{tmp_path}/prod.yaml:9"
    assert f":7:32: `greet` is still in `guidelines` ({place})" in str(caught.value)


def test_what_bots_share_has_no_former_id(tmp_path: Path) -> None:
    text = (
        "apiVersion: otto/v1\nkind: Glossary\nmetadata: {id: g}\nspec:\n  used_by: {all: true}\n"
        "  guidelines:\n    - {id: a, renamedFrom: b, condition: c, action: d}\n"
    )
    fault = refused(write(tmp_path, text))
    assert ":7:28: what bots share has no `renamedFrom`" in fault
