"""Prompts of Parlant's into which somebody's text was copied are built as they were meant."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from parlant.sdk import PromptBuilder

from otto_reconcile.server.prompt_escaping import mend

texts = st.text(st.sampled_from('{}ab:!0."[] \n')) | st.text()


def built(text: str) -> str:
    prompt = PromptBuilder()
    template = f"Known: {{field}}. As JSON: {{{{}}}}. {text}."
    prompt.add_section("section", template, {"field": "{value}"})
    mend(prompt)
    first = prompt.build()
    mend(prompt)
    assert prompt.build() == first
    return first


@given(texts)
@example('{"a": {"b": 1}}')
@example("{name} and {0} and {a.b} and {field!r} and {field:>3}")
@example("{{{field")
def test_any_text_can_be_copied_into_a_template(text: str) -> None:
    said = built(text)
    assert said.startswith("Known: {value}. As JSON: {}.")
    if not {"{{", "}}", "{field}"} & {text[i : i + n] for n in (2, 7) for i in range(len(text))}:
        assert said == f"Known: {{value}}. As JSON: {{}}. {text}.".strip()


def test_what_is_sound_is_left_as_it_is() -> None:
    prompt = PromptBuilder().add_section("section", "A {field} {{}}", {"field": 1, "other": 2})
    before = prompt.sections["section"]
    mend(prompt)
    assert prompt.sections["section"] is before
    mend("a text {")
