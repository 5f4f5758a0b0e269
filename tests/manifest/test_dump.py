"""Export: what is dumped loads to the same bots, whatever their texts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from otto_reconcile import manifest
from otto_reconcile.model import Bot, Guideline
from tests.manifest.bots import NASTY, bots, with_secrets
from tests.support.examples import examples

SLOW = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)


def reload(text: str, environ: Mapping[str, str] | None = None) -> list[Bot]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dumped.yaml")
        path.write_bytes(text.encode())
        return [
            item.bot
            for item in manifest.load(
                [path], environ={"OTTO_ALLOW_ENV": "*", **(environ or {})}
            ).bots
        ]


def same(found: Iterable[Bot], wanted: Iterable[Bot]) -> None:
    assert [bot.to_document() for bot in found] == [bot.to_document() for bot in wanted]


@SLOW
@given(bots())
def test_a_dumped_bot_loads_to_itself(bot: Bot) -> None:
    same(reload(manifest.dump([bot])), [bot])


@SLOW
@given(bots("one"), bots("xX_12"))
def test_several_bots_load_to_themselves(one: Bot, two: Bot) -> None:
    same(reload(manifest.dump([one, two])), [one, two])


@SLOW
@given(bots())
def test_secrets_are_dumped_as_their_variables(bot: Bot) -> None:
    bot = with_secrets(bot, "hush-hush-hush")
    text = manifest.dump([bot])
    assert "hush" not in text
    same(reload(text, {"API_TOKEN": "hush-hush-hush"}), [bot])


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_survives(text: str) -> None:
    guideline = Guideline(
        id="a.b", condition=f"{text}c", action=text, metadata={text.replace("\0", ""): [text]}
    )
    bot = Bot(id="a", name="A", description=text, guidelines=[guideline])
    same(reload(manifest.dump([bot])), [bot])


def test_lines_are_kept_as_lines() -> None:
    bot = Bot(id="a", name="A", description="One: first.\n\nTwo, ünïcode 👍.\n")
    assert "description: |\n    One: first.\n\n    Two, ünïcode 👍.\n" in manifest.dump([bot])


def test_short_ids_are_used_where_they_can_be() -> None:
    guidelines = [Guideline(id="a.b", condition="c"), Guideline(id="g_1", condition="d")]
    text = manifest.dump([Bot(id="a", name="A", guidelines=guidelines)])
    assert "- id: b\n" in text
    assert "- exact_id: g_1\n" in text


def test_dumping_twice_gives_the_same_text() -> None:
    loaded = manifest.load([Path("manifests")], environ={})
    once = manifest.dump(item.bot for item in loaded.bots)
    assert manifest.dump(reload(once)) == once
