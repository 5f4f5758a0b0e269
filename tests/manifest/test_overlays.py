"""Environments: what overlays change of the base, and where faults in them are told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import Bot
from otto_reconcile.model.shared import Glossary

BASE = """\
apiVersion: otto/v1
kind: Bot
metadata: {id: desk, labels: {team: shop}}
spec:
  name: Desk
  description: Helps with orders of ${values.shop:-the shop}.
  tags: [a, b]
  guidelines:
    - id: status
      condition: The customer asks where an order is
      action: Ask for the number
      priority: 1
    - {condition: The customer greets, action: Greet back}
  journeys:
    - id: return
      title: Return
      description: d
      conditions: [The customer returns something]
      states:
        - {id: ask, chat: Ask what it is}
        - {id: send, chat: Give the address}
  terms: [{name: RMA, description: A number}]
"""
OVERLAY = """\
apiVersion: otto/v1
kind: Overlay
metadata: {{environment: {env}}}
spec:
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    (tmp_path / "desk.yaml").write_text(BASE)
    return tmp_path


def overlay(folder: Path, spec: str, env: str = "prod") -> None:
    (folder / "environments" / f"{env}.yaml").write_text(OVERLAY.format(env=env) + spec)


def loaded(folder: Path, env: str | None = "prod", environ: Mapping[str, str] | None = None) -> Bot:
    (one,) = manifest.load([folder], environ=environ or {}, env=env).bots
    assert one.file == str(folder / "desk.yaml")
    return one.bot


def patched(folder: Path, patch: str) -> Bot:
    overlay(folder, "  patches:\n    - target: desk\n" + patch)
    return loaded(folder)


def refused(folder: Path, env: str | None = "prod") -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        manifest.load([folder], environ={}, env=env)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_without_an_environment_only_the_base_counts(folder: Path) -> None:
    before = loaded(folder, None)
    overlay(folder, "  patches: [{target: desk, spec: {name: Prod}}]\n")
    assert loaded(folder, None) == before
    assert before.description == "Helps with orders of the shop."


def test_a_field_of_the_bot_is_patched(folder: Path) -> None:
    bot = patched(
        folder, "      metadata: {labels: {tier: gold}}\n      spec: {name: Prod, tags: [c]}\n"
    )
    assert (bot.name, bot.tags, bot.labels) == ("Prod", ["c"], {"team": "shop", "tier": "gold"})
    assert bot.terms[0].description == "A number"


def test_items_of_lists_are_patched_by_id(folder: Path) -> None:
    bot = patched(
        folder,
        "      spec:\n"
        "        guidelines:\n"
        "          - {id: status, action: Ask for the e-mail}\n"
        "          - {condition: The customer greets, action: Greet warmly}\n"
        "        journeys:\n"
        "          - {id: return, states: [{id: send, chat: Give the label}]}\n"
        "        terms: [{name: RMA, description: Another}]\n",
    )
    before = loaded(folder, None)
    assert [g.id for g in bot.guidelines] == [g.id for g in before.guidelines]
    assert [g.action for g in bot.guidelines] == ["Ask for the e-mail", "Greet warmly"]
    assert bot.guidelines[0].priority == 1
    states = bot.journeys[0].states or ()
    assert [state.chat for state in states] == ["Ask what it is", "Give the label"]
    assert bot.terms[0].description == "Another"


def test_items_and_fields_are_removed_added_replaced(folder: Path) -> None:
    bot = patched(
        folder,
        "      spec:\n"
        "        description: null\n"
        "        guidelines:\n"
        "          - {id: status, $patch: delete}\n"
        "          - {id: new, $patch: add, condition: Always, action: Be brief}\n"
        "        terms:\n"
        "          - $patch: replace\n"
        "          - {name: SKU, description: Another number}\n",
    )
    assert bot.description is None
    assert [g.action for g in bot.guidelines] == ["Greet back", "Be brief"]
    assert [term.name for term in bot.terms] == ["SKU"]


def test_a_bot_is_left_out_of_an_environment(folder: Path) -> None:
    overlay(folder, "  patches: [{target: desk, $patch: delete}]\n")
    assert manifest.load([folder], environ={}, env="prod").bots == ()


def test_what_bots_share_is_patched_by_its_name(folder: Path) -> None:
    (folder / "words.yaml").write_text(
        "apiVersion: otto/v1\nkind: Glossary\nmetadata: {id: words}\n"
        "spec: {used_by: {all: true}, terms: [{name: SKU, description: x}]}\n"
    )
    overlay(
        folder,
        "  patches:\n    - target: glossary/words\n"
        "      spec: {terms: [{name: SKU, description: y}]}\n",
    )
    (shared,) = manifest.load([folder], environ={}, env="prod").shared
    assert isinstance(shared.document, Glossary)
    assert shared.document.terms[0].description == "y"


def test_values_fill_texts_numbers_and_switches(folder: Path) -> None:
    (folder / "desk.yaml").write_text(
        BASE.replace("priority: 1", "priority: ${values.rank}")
        .replace("action: Greet back", 'action: "Say $${values.rank} and ${values.rank}"')
        .replace("Ask for the number", "Ask at ${values.url}")
    )
    overlay(folder, '  values: {shop: Prod Ltd, rank: 7, url: "${HOST:-h}/x"}\n')
    bot = loaded(folder)
    assert bot.description == "Helps with orders of Prod Ltd."
    assert bot.guidelines[0].priority == 7
    assert bot.guidelines[1].action == "Say ${values.rank} and 7"
    assert bot.guidelines[0].action == "Ask at h/x"


SPELT = "01067 9.90 1e3 0x1F 0o17 +5 .5 1. yes on True 2026-11-27 1_000 2026-11-27T09:00"


@pytest.mark.parametrize("written", SPELT.split())
def test_a_value_is_put_into_a_text_as_it_is_written(folder: Path, written: str) -> None:
    overlay(folder, f"  values:\n    shop: {written}  # not text in YAML\n")
    assert loaded(folder).description == f"Helps with orders of {written}."


def test_a_number_in_json_is_put_in_as_it_is_written(folder: Path) -> None:
    (folder / "prod.json").write_text(
        '{"apiVersion": "otto/v1", "kind": "Overlay", "metadata": {"environment": "prod"},'
        ' "spec": {"values": {"shop": 9.90}}}'
    )
    assert loaded(folder).description == "Helps with orders of 9.90."


def test_a_number_stays_one_where_one_is_wanted(folder: Path) -> None:
    (folder / "desk.yaml").write_text(BASE.replace("priority: 1", "priority: ${values.rank}"))
    overlay(folder, "  values: {rank: 0x1F, shop: x}\n")
    assert loaded(folder).guidelines[0].priority == 31


@pytest.mark.parametrize(
    ("said", "found"), [("", "nothing"), ("null", "nothing"), ("[x]", "a list"), ("{x: 1}", "a m")]
)
@pytest.mark.parametrize("env", [None, "prod"])
def test_a_value_that_is_none_is_one_fault(
    folder: Path, said: str, found: str, env: str | None
) -> None:
    overlay(folder, f"  values:\n    shop: {said}\n    other: y\n")
    (fault,) = refused(folder, env)
    place = f"environments/prod.yaml:6:{11 if said else 10}"
    assert fault.startswith(f"{place}: `shop` must be a text, a number or a switch, not {found}")
    assert ('write `""` for no text' in fault) is (found == "nothing")


def test_a_name_that_no_value_can_have_is_told_at_it(folder: Path) -> None:
    overlay(folder, "  values: {a b: x}\n")
    assert refused(folder) == [
        (
            "environments/prod.yaml:5:12: `a b` is no name of a value (write letters, digits, `_`"
            " and `-`, a letter or `_` first)"
        )
    ]


def test_a_fault_that_a_value_makes_names_its_place(folder: Path) -> None:
    (folder / "desk.yaml").write_text(
        BASE.replace("priority: 1", "priority: ${values.rank}").replace(
            "Greet back", '"Greet at ${values.url}"'
        )
    )
    overlay(folder, '  values:\n    rank: high\n    shop: x\n    url: "${HOST}"\n')
    assert refused(folder) == [
        (
            "desk.yaml:12:17: `priority` must be a whole number, not text; it is filled with"
            f" {folder}/environments/prod.yaml:6:11"
        ),
        (
            "desk.yaml:13:48: the environment variable HOST is not set; it is filled with"
            f" {folder}/environments/prod.yaml:8:10 (set it, or give a default: ${{HOST:-text}})"
        ),
    ]


def test_a_fault_in_a_text_of_a_file_names_the_value(folder: Path) -> None:
    (folder / "greet.md").write_text("Greet\n${values.url}\n")
    (folder / "desk.yaml").write_text(BASE.replace("Greet back", "!file greet.md"))
    overlay(folder, '  values: {shop: x, url: "${HOST}"}\n')
    (fault,) = refused(folder)
    assert fault.startswith("greet.md:2:1: the environment variable HOST is not set; it is filled")
    assert f"{folder}/environments/prod.yaml:5:26" in fault


def test_a_secret_behind_a_value_stays_one(folder: Path) -> None:
    (folder / "desk.yaml").write_text(BASE.replace("Ask for the number", "Say ${values.word}"))
    overlay(folder, '  values: {word: "${secret:WORD}"}\n')
    bot = loaded(folder, environ={"WORD": "sesame"})
    assert bot.guidelines[0].action == "Say sesame"
    assert bot.masked["guidelines/desk.status/action"].template == "Say ${secret:WORD}"


def test_a_value_that_no_environment_has_is_a_fault(folder: Path) -> None:
    (folder / "desk.yaml").write_text(BASE.replace(":-the shop", ""))
    assert refused(folder, None) == [
        (
            "desk.yaml:6:16: the value `shop` is not known without an environment (choose one with"
            " --env (OTTO_ENV), or give a default: ${values.shop:-text})"
        )
    ]
    overlay(folder, "  values: {shopp: x}\n")
    assert refused(folder)[0] == (
        "desk.yaml:6:16: the environment `prod` has no value `shop` (did you mean `shopp`?)"
    )


def test_an_environment_that_is_none_names_the_nearest(folder: Path) -> None:
    overlay(folder, "  values: {shop: x}\n")
    assert refused(folder, "prdo") == [
        f"{folder}:1:1: no overlay is for the environment `prdo` (did you mean `prod`?)"
    ]


def test_unknown_targets_and_items_are_told_with_hints(folder: Path) -> None:
    overlay(
        folder,
        "  patches:\n"
        "    - target: desc\n"
        "      spec: {name: X}\n"
        "    - target: desk\n"
        "      spec:\n"
        "        guidelines: [{id: statsu, action: x}]\n"
        "        descripton: null\n"
        "        journeys: [{id: return, states: [{id: snd, $patch: delete}]}]\n",
    )
    assert refused(folder) == [
        (
            "environments/prod.yaml:6:15: there is no `desc` that could be patched"
            " (did you mean `desk`?)"
        ),
        (
            "environments/prod.yaml:10:27: there is no `statsu` in `guidelines` of the base"
            " (did you mean `status`?)"
        ),
        (
            "environments/prod.yaml:11:9: there is no `descripton` that could be removed"
            " (did you mean `description`?)"
        ),
        (
            "environments/prod.yaml:12:47: there is no `snd` in `states` of the base"
            " (did you mean `send`?)"
        ),
    ]


def test_what_a_patch_makes_wrong_is_told_at_the_patch(folder: Path) -> None:
    overlay(
        folder,
        "  patches:\n"
        "    - target: desk\n"
        "      spec:\n"
        "        guidelines:\n"
        "          - {id: status, criticality: hihg, acton: x}\n"
        "          - {id: new, $patch: add, action: x}\n"
        "        relationships: [{kind: priority, source: status, target: gone, $patch: add}]\n",
    )
    assert refused(folder) == [
        (
            "environments/prod.yaml:9:39: `criticality` must be one of low, medium, high,"
            " not `hihg` (did you mean `high`?)"
        ),
        "environments/prod.yaml:9:45: unknown key `acton` (did you mean `action`?)",
        (
            "environments/prod.yaml:10:13: `condition` is missing (When this guideline applies, as"
            " a sentence.)"
        ),
        (
            "environments/prod.yaml:11:66: this bot has no guideline and no journey `gone`"
            " (name a guideline or journey of this bot by its id)"
        ),
    ]


STATES = """\
        - {id: ask, chat: Ask what it is}
        - {id: send, chat: Give the address}
"""
WAYS = """\
        - {id: ask, chat: Ask what it is, next: send}
        - {id: send, chat: Give the address}
"""


@pytest.mark.parametrize(
    ("patch", "place", "base"),
    [
        ("spec: {name: null}", "5:35: `name` is missing", "5:3"),
        ("metadata: {id: null}", "5:39: `id` is missing", "3:11"),
        (
            "spec: {guidelines: [{id: status, condition: null}]}",
            "5:61: `condition` is missing",
            "9:7",
        ),
        (
            "spec: {journeys: [{id: return, states: [{id: send, $patch: delete}]}]}",
            "5:68: this journey has no state `send`",
            "20:49",
        ),
        (
            "spec: {guidelines: [{id: status, $patch: delete}]}",
            "5:48: this bot has no guideline and no journey `status`",
            "23:44",
        ),
        ("spec: {guidelines: [$patch: replace]}", "5:48: this bot has no guideline", "23:44"),
    ],
)
def test_what_a_patch_takes_away_is_told_at_it(
    folder: Path, patch: str, place: str, base: str
) -> None:
    relationships = "  relationships: [{kind: priority, source: status, target: return}]\n"
    (folder / "desk.yaml").write_text(BASE.replace(STATES, WAYS) + relationships)
    overlay(folder, f"  patches: [{{target: desk, {patch}}}]\n")
    assert manifest.load([folder], environ={}).bots
    found = refused(folder)
    assert found[0].startswith(f"environments/prod.yaml:{place}"), found
    assert f"; it is laid over {folder}/desk.yaml:{base}" in found[0]


def test_a_fault_of_the_base_stays_there(folder: Path) -> None:
    (folder / "desk.yaml").write_text(BASE.replace("priority: 1", "priority: one"))
    overlay(folder, "  patches: [{target: desk, spec: {name: null}}]\n")
    names = [one.split(": ", 1)[0] for one in refused(folder)]
    assert names == ["desk.yaml:12:17", "environments/prod.yaml:5:35"]


@pytest.mark.parametrize("group", ["guidelines", "terms", "variables"])
@pytest.mark.parametrize("said", ["{id: status}", "a text"])
def test_no_list_where_a_list_is_needed_is_told(folder: Path, group: str, said: str) -> None:
    """Also if another patch comes after it, whose items would be missed then."""
    overlay(
        folder,
        "  patches:\n"
        f"    - {{target: desk, spec: {{{group}: {said}}}}}\n"
        "    - {target: desk, spec: {name: Desk, guidelines: [{id: status, action: x}]}}\n",
    )
    (found,) = refused(folder)
    place = 29 + len(group) + 2
    assert found.startswith(f"environments/prod.yaml:6:{place}: `{group}` must be a list, not")


def test_an_overlay_is_checked_in_every_environment(folder: Path) -> None:
    overlay(folder, "  patchs: []\n  values: {a: [x]}\n", "dev")
    found = refused(folder, None)
    assert found[0].startswith("environments/dev.yaml:5:3: unknown key `patchs`")
    assert found[1].startswith("environments/dev.yaml:6:15:")


def test_an_overlay_of_another_program_is_none_of_ours(folder: Path) -> None:
    (folder / "environments" / "k.yaml").write_text("apiVersion: k/v1\nkind: Overlay\nspec: {}\n")
    (folder / "environments" / "l.yaml").write_text("kind: Overlay\n")
    assert loaded(folder, None).name == "Desk"


def test_a_value_holds_no_other_and_notes_what_is_unused(folder: Path) -> None:
    overlay(folder, "  values: {shop: x, shopp: y}\n")
    (note,) = manifest.load([folder], environ={}, env="prod").notes
    assert str(note).endswith(
        "prod.yaml:5:21: no manifest uses the value `shopp` (did you mean `shop`?)"
    )
    overlay(folder, '  values: {shop: "${values.b}", b: y}\n')
    assert "prod.yaml:5:18: a value cannot hold another value" in refused(folder)[0]


def test_two_overlays_may_not_say_one_value_twice(folder: Path) -> None:
    overlay(folder, "  values: {shop: x}\n")
    (folder / "more.yaml").write_text(OVERLAY.format(env="prod") + "  values: {shop: y}\n")
    (found,) = refused(folder)
    assert found.startswith("more.yaml:5:12: the value `shop` is set twice for `prod`")


def test_an_overlay_belongs_to_the_state_of_its_bots(folder: Path) -> None:
    overlay(folder, "  patches: [{target: desk, spec: {name: Prod}}]\n")
    got = manifest.load([folder], environ={}, env="prod")
    assert got.texts[str(folder / "desk.yaml")] == {folder / "environments" / "prod.yaml"}
    assert got.environment == "prod"
