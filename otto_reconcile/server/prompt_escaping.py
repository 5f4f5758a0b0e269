"""Keeps braces in people's texts from breaking Parlant's prompts.

Parlant 3.3 copies texts (conditions, actions, a model's reasons that quote a customer's JSON) into
templates of prompts, and then fills the templates. A brace in such a text is taken for a field:
the turn fails, mostly without a word to the customer. Here each template is looked at before the
model's service builds it, and braces that are no field of it are made plain text. Imports Parlant;
`nlp_proxy` calls it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from string import Formatter

from parlant.core.engines.alpha.prompt_builder import PromptSection
from parlant.sdk import PromptBuilder

_PIECE = re.compile(r"\{\{|\}\}|\{(\w+)\}|[{}]")


def mend(prompt: str | PromptBuilder) -> None:
    """Changes the sections of a prompt whose templates have braces that are no fields."""
    if isinstance(prompt, str):
        return
    for name, section in list(prompt.sections.items()):
        if not _is_sound(section.template, section.props.keys()):
            prompt.edit_section(name, _mended)


def _is_sound(template: str, fields: Collection[str]) -> bool:
    try:
        pieces = list(Formatter().parse(template))
    except ValueError:
        return False
    return all(
        field is None or (field in fields and not spec and not conversion)
        for _, field, spec, conversion in pieces
    )


def _mended(section: PromptSection) -> PromptSection:
    """Fields and doubled braces stay; a brace on its own is doubled, which prints it as it is."""

    def plain(found: re.Match[str]) -> str:
        piece = found[0]
        if piece in ("{{", "}}") or found[1] in section.props:
            return piece
        return piece.replace("{", "{{").replace("}", "}}")

    return replace(section, template=_PIECE.sub(plain, section.template))
