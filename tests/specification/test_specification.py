"""Otto's specification: what it becomes, and one problem for each fault."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput
from otto_reconcile.manifest import specification
from otto_reconcile.model import Relationship


def whole(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Order Desk",
        "purpose": "Helps with orders",
        "scope": "Orders that were placed",
        "target_users": ["customers", "their families"],
        "use_cases": ["find an order"],
        "tone": "friendly",
        "personality": "patient",
        "tools": [{"name": "find_order", "description": "finds an order"}, "mail"],
        "constraints": ["no promises"],
        "guardrails": ["nothing about others"],
        "guidelines": [
            {"key": "status", "condition": "Where is it?", "action": "Say", "criticality": "HIGH"},
            {"condition": "Return 👍", "action": None, "description": "d"},
        ],
        "journeys": [
            {"title": "Return", "description": "Way", "conditions": ["It is broken"], "key": "r"}
        ],
        "relationships": [
            {"type": "PRIORITY", "source": "status", "targets": ["Return 👍", "r"]},
            {"type": "entailment", "source": "Return 👍", "target": "Return"},
        ],
        "composition_mode": "STRICT",
        "max_engine_iterations": 4,
        **changes,
    }


def faults(data: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        specification.validate(data)
    return [problem.message for problem in caught.value.problems]


def test_becomes_a_bot() -> None:
    bot = specification.parse(json.dumps(whole()), file="bot.json")
    assert (bot.id, bot.name, bot.composition_mode, bot.max_engine_iterations) == (
        "order-desk", "Order Desk", "strict", 4,
    )  # fmt: skip
    assert bot.description == (
        "Purpose: Helps with orders\nScope: Orders that were placed\n"
        "Target users: customers; their families\nUse cases: find an order\nTone: friendly\n"
        "Personality: patient\nTools: find_order: finds an order; mail\n"
        "Constraints: no promises\nGuardrails: nothing about others"
    )
    status, back = bot.guidelines
    assert (status.id, status.criticality, status.tools) == ("order-desk.status", "high", None)
    assert back.condition == "Return 👍"
    assert bot.journeys[0].id == "order-desk.r"
    first, second, way = (f"guideline:{status.id}", f"guideline:{back.id}", "journey:order-desk.r")
    assert bot.relationships == [
        Relationship(kind="priority", source=first, target=second),
        Relationship(kind="priority", source=first, target=way),
        Relationship(kind="entailment", source=second, target=way),
    ]
    assert specification.validate(whole()) == bot


def test_kinds_decide_where_a_text_names_two_things() -> None:
    same = whole(
        guidelines=[{"condition": "Return"}],
        relationships=[
            {"type": "ENTAILMENT", "source": "Return", "source_kind": "GUIDELINE",
             "target": "Return", "target_kind": "journey"},
        ],
    )  # fmt: skip
    (made,) = specification.validate(same).relationships
    assert (made.source.partition(":")[0], made.target) == ("guideline", "journey:order-desk.r")
    same["relationships"][0].pop("source_kind")
    assert faults(same) == ["/relationships/0/source: `Return` names more than one thing"]


@pytest.mark.parametrize("key", [k for k in whole() if k not in (
    "relationships", "composition_mode", "max_engine_iterations")])  # fmt: skip
def test_each_required_field_is_missed(key: str) -> None:
    data = whole(relationships=[])
    del data[key]
    assert faults(data) == [f"/: `{key}` is missing"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"colour": 1}, "/colour: unknown key `colour`"),
        ({"tone": 3}, "/tone: `tone` must be a list, not a number"),
        (
            {"guidelines": [{"condition": "Return", "tools": ["a:b:c"]}], "relationships": []},
            "/guidelines/0/tools/0: this names no tool",
        ),
        ({"purpose": ""}, "/purpose: item 1 of `purpose` must not be empty"),
        (
            {"composition_mode": "LOOSE"},
            ("/composition_mode: `composition_mode` must be one of fluid, composited, strict,"
            " core_fluid, not `loose`"),
        ),
        ({"id": "A b"}, ("/id: `id` may hold only lower-case letters, digits and hyphens,"
                        " and starts with no hyphen")),
        ({"guidelines": [{"condition": "c"}, {"condition": "c"}], "relationships": []},
         "/guidelines/1: this is the same as item 1 of `guidelines`"),
        ({"relationships": [{"type": "PRIORITY", "source": "status", "target": "nothing"}]},
         "/relationships/0/target: there is no guideline or journey `nothing`"),
        ({"relationships": [{"type": "PRIORITY", "source": "status", "target": "status"}]},
         "/relationships/0/target: the source and the target are the same"),
        ({"relationships": [{"type": "PRIORITY", "source": "status"}]},
         "/relationships/0: `target` is missing"),
        ({"relationships": [{"type": "PRIORITY", "source": "status", "target": "r"},
                            {"type": "PRIORITY", "source": "r", "target": "status"}]},
         "/relationships/1: this closes a circle of priority relationships"),
    ],
)  # fmt: skip
def test_one_problem_for_each_fault(change: dict[str, Any], expected: str) -> None:
    assert faults(whole(**change)) == [expected]


def test_faults_of_a_text_have_a_place() -> None:
    text = json.dumps(whole(tone=3, personality=4), indent=1)
    with pytest.raises(InvalidInput) as caught:
        specification.parse(text, file="bot.json")
    assert [(p.file, p.line, p.column) for p in caught.value.problems] == [
        ("bot.json", 12, 10),
        ("bot.json", 13, 17),
    ]


@pytest.mark.parametrize(
    ("text", "place"), [('{"name": }', (1, 10)), ('{"name": 1,\n', (2, 1)), ("[]", (1, 1))]
)
def test_broken_json_has_a_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput) as caught:
        specification.parse(text, file="bot.json")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == place


@pytest.mark.parametrize("data", [None, [], "text", {"a" * 5000: {}}])
def test_data_that_is_nothing_like_it(data: Any) -> None:
    assert faults(data)


def test_is_told_from_a_manifest() -> None:
    text = json.dumps(whole())
    assert specification.is_specification(text)
    assert specification.is_specification(text[:-1])
    assert not specification.is_specification('{"apiVersion": "otto/v1"}')
    assert not specification.is_specification("apiVersion: otto/v1")


def test_exports_as_a_manifest() -> None:
    text = manifest.dump([specification.validate(whole())])
    assert "  description: |-\n    Purpose: Helps with orders\n" in text


def test_name_in_letters_an_id_cannot_have_makes_its_own_id() -> None:
    made = {name: specification.validate(whole(name=name)).id for name in NAMES}
    assert made["Bob's Café"] == "bob-s-cafe"
    assert made["客服 AI"].startswith("ai-")
    assert len(set(made.values())) == len(NAMES)


NAMES = ("Bob's Café", "客服 AI", "销售 AI", "AI", "日本", "???", "🤖")
