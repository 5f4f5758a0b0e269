"""What people write who know another word for a key of ours."""

from __future__ import annotations

_OF_A_BOT = {
    "canned": "canned_responses",
    "flows": "journeys",
    "glossary": "terms",
    "instruction": "description",
    "instructions": "description",
    "prompt": "description",
    "rules": "guidelines",
    "services": "tool_services",
    "system_prompt": "description",
    "utterances": "canned_responses",
}
_KEYS: dict[str, dict[str, str]] = {
    "GuidelineForm": {
        "canned": "canned_responses",
        "do": "action",
        "if": "condition",
        "instruction": "action",
        "name": "id",
        "then": "action",
        "title": "id",
        "tool": "tools",
        "when": "condition",
    },
    "JourneyForm": {
        "canned": "canned_responses",
        "condition": "conditions",
        "instruction": "description",
        "instructions": "description",
        "name": "title",
        "steps": "states",
        "trigger": "conditions",
        "triggers": "conditions",
        "when": "conditions",
    },
    "StateForm": {
        "action": "instruction",
        "ask": "chat",
        "canned": "canned_responses",
        "goto": "next",
        "message": "chat",
        "name": "id",
        "say": "chat",
        "then": "next",
        "to": "next",
        "transitions": "next",
    },
    "TransitionForm": {
        "condition": "when",
        "goto": "to",
        "if": "when",
        "next": "to",
        "state": "to",
        "then": "to",
    },
    "TermForm": {"aliases": "synonyms", "definition": "description", "term": "name"},
    "CannedResponseForm": {"template": "value", "text": "value"},
    "VariableForm": {"default": "values", "value": "values"},
    "CapabilityForm": {"name": "title"},
    "RelationshipForm": {"from": "source", "to": "target", "type": "kind"},
    "ServiceForm": {"address": "url", "type": "kind"},
    "ToolServiceForm": {"address": "url", "id": "name", "type": "kind"},
    "SpecForm": _OF_A_BOT,
    "GlossarySpecForm": {"canned": "canned_responses", "glossary": "terms", "words": "terms"},
    "BotForm": {**_OF_A_BOT, "version": "apiVersion"},
}
_RULE = "what the bot does when is one of the `guidelines`: `- {condition: ..., action: ...}`"
_STEPS = "what happens stands under `description`, in words, or under `states`"
_OF_THE_BOT = "words belong to the bot: write `terms` under `spec`"
_HINTS = {
    **dict.fromkeys(
        (
            (form, key)
            for form in ("SpecForm", "GlossarySpecForm")
            for key in ("action", "condition", "if", "then", "when")
        ),
        _RULE,
    ),
    **dict.fromkeys((("JourneyForm", key) for key in ("action", "chat", "do", "then")), _STEPS),
    **dict.fromkeys((("JourneyForm", key) for key in ("glossary", "terms")), _OF_THE_BOT),
    ("BotMetadataForm", "name"): "write `id`, of lower-case letters, digits and hyphens;"
    " the name that customers see is `spec.name`",
    ("SharedMetadataForm", "name"): "write `id`",
    ("SpecForm", "tools"): "a guideline names its `tools`, and `tool_services` says where they are",
    ("GuidelineForm", "instruction"): "write `action`; a tool state of a journey has `instruction`",
    (
        "SpecForm",
        "glossary",
    ): "write `terms`; words of several bots are a document of kind Glossary",
}


def hint_for(form: str, key: str) -> str | None:
    """What to write in place of this key in a mapping of this form."""
    if hint := _HINTS.get((form, key)):
        return hint
    meant = _KEYS.get(form, {}).get(key)
    return f"write `{meant}`" if meant else None
