"""Specifications as a chat brings them, and bots written as specifications again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otto_reconcile.errors import InvalidInput
from otto_reconcile.otto import spec_codec
from otto_reconcile.otto.patch import changed
from otto_reconcile.otto.prompts import (
    CHANGE,
    DESCRIPTION,
    JOURNEY,
    JOURNEY_CONDITION,
    RULES,
    SPECIFICATION,
    STEPS,
)
from otto_reconcile.otto.responses import MOST, fitted, reply
from tests.otto.shop import pasted, spec

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    str.strip
)
guideline = st.fixed_dictionaries(
    {"condition": words, "key": st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)},
    optional={"action": words, "criticality": st.sampled_from(["LOW", "MEDIUM", "HIGH"])},
)


@given(
    st.lists(guideline, max_size=4, unique_by=lambda g: g["key"]),
    st.lists(words, max_size=3),
    st.lists(words, max_size=3),
)
@example([], ["a; "], ["; "])
@example([], ["; a"], ["a;  "])
def test_what_is_written_reads_as_the_same_bot(
    guidelines: list[Any], purpose: list[str], tone: list[str]
) -> None:
    data = spec(guidelines=guidelines, purpose=purpose, tone=tone, relationships=[])
    bot = spec_codec.read(json.dumps(data))
    assert spec_codec.read(json.dumps(spec_codec.written(bot))) == bot
    assert changed(bot, spec_codec.written(bot)) == bot


def test_relationships_are_written_too() -> None:
    bot = spec_codec.read(pasted())
    assert len(bot.relationships) == 1
    assert spec_codec.read(json.dumps(spec_codec.written(bot))) == bot
    assert changed(bot, spec_codec.written(bot)) == bot


@pytest.mark.parametrize(
    "text",
    [
        pasted(),
        f"```json\n{pasted()}\n```",
        f"  {pasted()}\n",
        str(spec()),  # an object among a tool's arguments arrives as Python writes it
        spec(),
    ],
)
def test_a_model_may_wrap_it(text: object) -> None:
    assert spec_codec.read(text) == spec_codec.read(pasted())


@pytest.mark.parametrize("text", ["", "yes", "[]", "{", "None", "{'a': ", None, 7, "1" * 9999])
def test_what_is_none_is_said_so(text: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        spec_codec.read(text)
    assert spec_codec.problems(caught.value)


def test_faults_have_a_pointer_and_a_doubled_name_its_line() -> None:
    with pytest.raises(InvalidInput) as caught:
        spec_codec.read(pasted(tone=7, guidelines=[{"action": "Wave"}]))
    places = {problem["where"] for problem in spec_codec.problems(caught.value)}
    assert places == {"/tone", "/guidelines/0"}
    doubled = pasted().replace('"tone"', '"name": "Twice", "tone"')
    with pytest.raises(InvalidInput) as caught:
        spec_codec.read(doubled)
    assert spec_codec.problems(caught.value)[0]["where"].startswith("line 1, column")


@given(st.lists(st.text(max_size=300), max_size=60), st.integers(0, 40_000))
def test_a_reply_fits_whatever_is_in_it(texts: list[str], length: int) -> None:
    data = fitted(reply(True, "x" * (length // 10), goes=texts * 9, text="é" * length))
    assert len(json.dumps(data)) <= MOST
    assert data["ok"] is True


def test_ottos_texts_have_no_braces_and_no_rule_twice() -> None:
    """Parlant's prompts are templates: a brace in a guideline breaks every reply."""
    texts = [DESCRIPTION, SPECIFICATION, CHANGE, JOURNEY, JOURNEY_CONDITION]
    texts += [text for rule in RULES for text in (rule.condition, rule.action)]
    texts += [text for step in STEPS for text in (step.action, step.leave)]
    assert not [text for text in texts if "{" in text or "}" in text]
    assert (
        len({rule.key for rule in RULES}) == len({rule.condition for rule in RULES}) == len(RULES)
    )
    assert all(len(text) < 1200 for text in texts)


@pytest.mark.parametrize(
    "change", [{"max_engine_iterations": 10**20}, {"purpose": ["half \ud800"]}]
)
def test_pythons_notation_is_checked_as_json_is(change: dict[str, Any]) -> None:
    found = []
    for text in (json.dumps(spec(**change)), str(spec(**change)), spec(**change)):
        with pytest.raises(InvalidInput) as caught:
            spec_codec.read(text)
        found.append(spec_codec.problems(caught.value))
    assert found[0] == found[1] == found[2]
    assert found[0][0]["where"].startswith("line 1, column ")
