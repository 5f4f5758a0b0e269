"""Each place that has to know every kind of part, asked about all of them: none is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from otto_reconcile import manifest
from otto_reconcile.cli.removing import describe
from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.manifest.bot_forms import BotForm
from otto_reconcile.manifest.drafts import PART_FORMS as FORMS
from otto_reconcile.model import Bot, Guideline, Snapshot, kinds, snapshot_of
from otto_reconcile.model import bot as model
from otto_reconcile.model.from_resources import bot_of
from otto_reconcile.model.groups import BY_KIND, GROUPS, TAGGED
from otto_reconcile.model.shared import BY_NAME, Glossary, UsedBy, compose
from otto_reconcile.model.shared import GROUPS as SHARED
from otto_reconcile.otto.summary import goes
from otto_reconcile.port.adapters import adapter_of
from otto_reconcile.records.events import Desired, DesiredBot, now_utc
from otto_reconcile.records.rows.digests import rows_digest
from otto_reconcile.records.rows.projections import COLLECTION_NAMES, PART_NAMES, row_count, rows_of
from otto_reconcile.server.change_hook import KINDS as NOTICED
from otto_reconcile.store.collections import WATCHED
from otto_reconcile.store.memory import MemoryStore

CLI = Source("cli")
NAMES = tuple(GROUPS)


def full(bot_id: str = "desk", **more: Any) -> Bot:
    """A bot with two parts of every kind."""

    def two(make: Callable[[str], Any]) -> list[Any]:
        return [make("a"), make("b")]

    tags = ["vip"]
    fields: dict[str, Any] = {
        "name": bot_id.title(),
        "guidelines": two(
            lambda n: Guideline(
                id=f"{bot_id}.{n}", condition=f"On {n}", action="Act", tools=["shop:find"],
                tags=[f"guidelines-{n}"],
            )
        ),
        "journeys": two(
            lambda n: model.Journey(
                id=f"{bot_id}.j{n}", title=f"Way {n}", description="d", conditions=["c"],
                tags=[f"journeys-{n}"],
            )
        ),
        "terms": two(
            lambda n: model.Term(
                id=f"{bot_id}.t{n}", name=f"Word {n}", description="d", tags=[f"terms-{n}"]
            )
        ),
        "canned_responses": two(
            lambda n: model.CannedResponse(
                id=f"{bot_id}.c{n}", value=f"Say {n}", tags=[f"canned_responses-{n}"]
            )
        ),
        "variables": two(
            lambda n: model.Variable(
                name=f"fact {n}", values={"default": 1}, tags=[f"variables-{n}"]
            )
        ),
        "capabilities": two(
            lambda n: model.Capability(
                title=f"Can {n}", description="d", tags=[f"capabilities-{n}"]
            )
        ),
        "customers": two(
            lambda n: model.Customer(id=f"who-{n}", name=f"Who {n}", tags=[f"customers-{n}"])
        ),
        "tool_services": [
            model.ToolService(name=f"{bot_id}-shop", kind="sdk", url="http://127.0.0.1:1"),
            model.ToolService(name=f"{bot_id}-mail", kind="sdk", url="http://127.0.0.1:2"),
        ],
        "relationships": [
            model.Relationship(
                kind="priority", source=f"guideline:{bot_id}.a", target=f"guideline:{bot_id}.b"
            ),
            model.Relationship(kind="priority", source=f"guideline:{bot_id}.a", target="tag:vip"),
        ],
        "tags": tags,
    }  # fmt: skip
    return Bot(id=bot_id, **{**fields, **more})


def filled(count: int = 6) -> tuple[MemoryStore, DesiredState]:
    store = MemoryStore()
    state = DesiredState(store)
    state.put_many([(full(f"b{n}"), CLI) for n in range(count)], actor="ann")
    return store, state


def test_groups_are_every_list_of_parts_of_a_bot() -> None:
    lists = {name for name, field in Bot.model_fields.items() if field.default == []}
    assert set(GROUPS) == lists
    assert set(BY_KIND) == {kind.name for kind in kinds()} - {"agent", "tag"}
    assert all(len(getattr(full(), name)) == 2 for name in NAMES)


@pytest.mark.parametrize("name", COLLECTION_NAMES)
def test_a_change_of_any_field_of_a_row_is_seen(name: str) -> None:
    """What is written is compared: no field is left out of the digest of the rows."""
    either = model.Relationship(
        kind="dependency_any", source="guideline:desk.a", target="guideline:desk.b", group="one"
    )
    rows = rows_of(full(relationships=[either]))
    for number, row in enumerate(rows[name]):
        for field in row:
            changed = [*rows[name]]
            changed[number] = {**row, field: "another"}
            assert rows_digest({**rows, name: changed}) != rows_digest(rows), (name, field)


REWORDED = {
    "guidelines": "action", "journeys": "title", "terms": "description",
    "canned_responses": "value", "variables": "description", "capabilities": "description",
    "customers": "name", "tool_services": "url",
}  # fmt: skip
"""A field of each part in whose row other programs may have fields of their own."""


@pytest.mark.parametrize("name", REWORDED)
def test_fields_of_other_programs_stay_in_rows(name: str) -> None:
    store, state = filled(1)
    field = REWORDED[name]
    taken = {*GROUPS[name].model.model_fields, *(["tools"] if name == "guidelines" else [])}
    foreign = {f: "theirs" for f in ("mine", "labels", "metadata", "tools") if f not in taken}
    store.put(name, [{**row, **foreign} for row in store.find(name)])
    assert state.ingest().events == ()
    bot = state.get("b0").bot
    parts = [part.model_copy(update={field: "http://x:3"}) for part in getattr(bot, name)]
    state.put(bot.model_copy(update={name: parts}), source=CLI, actor="ann")
    rows = store.find(name)
    assert [row[field] for row in rows] == ["http://x:3"] * 2
    assert all(row.items() >= foreign.items() for row in rows)


@pytest.mark.parametrize("name", PART_NAMES)
def test_losing_a_whole_collection_is_never_desired(name: str) -> None:
    store, state = filled()
    assert row_count(name, full("b0")) == len(rows_of(full("b0"))[name]) > 0
    store.delete(name, {})
    ingested = state.ingest()
    assert (ingested.events, len(ingested.vanished), len(ingested.problems)) == ((), 6, 1)
    assert f"lost all their {name} at once" in ingested.problems[0]
    assert state.get("b3").bot == full("b3")
    assert state.rebuild() == 6
    assert state.ingest().vanished == ()


@pytest.mark.parametrize("name", PART_NAMES)
def test_rows_of_every_collection_come_back_and_go(name: str) -> None:
    store, state = filled(1)
    assert store.find(name, {"bot_id": "b0"})
    assert state.ingest().events == ()
    state.delete("b0", source=CLI, actor="ann")
    assert store.find(name, {"bot_id": "b0"}) == []
    assert name in WATCHED


@pytest.mark.parametrize("name", NAMES)
def test_delete_and_otto_say_what_goes_of_every_kind(name: str) -> None:
    bot = full(**{other: [] for other in NAMES if other not in (name, "guidelines", "journeys")})
    wanted = DesiredBot(bot, 1, CLI, "ann", now_utc())
    said = describe("desk", Desired({"desk": wanted}, {}))
    assert f"2 {name.replace('_', ' ')}" in said
    kind = GROUPS[name].kind.replace("_", " ")
    assert sum(line.startswith(f"{kind}: ") for line in goes(bot)) == 2


@pytest.mark.parametrize("name", NAMES)
def test_resources_of_every_kind_make_the_part_again(name: str) -> None:
    kind = GROUPS[name].kind
    before = Snapshot(r for r in snapshot_of(full()).values() if r.kind in (kind, "agent"))
    again = snapshot_of(bot_of("desk", before))
    assert len(getattr(bot_of("desk", before), name)) == 2
    for ref, resource in before.items():
        assert resource.spec.items() <= again[ref].spec.items()


def test_tags_of_every_kind_are_made() -> None:
    tags = {ref.key for ref in snapshot_of(full()) if ref.kind == "tag"}
    assert tags == {"vip", *(f"{group.name}-{n}" for group in TAGGED for n in "ab")}


@pytest.mark.parametrize("kind", [kind.name for kind in kinds()])
def test_every_kind_has_an_adapter_and_is_noticed(kind: str) -> None:
    assert adapter_of(kind) is not None
    assert kind in NOTICED.values()


def test_manifests_have_every_group(tmp_path: Any) -> None:
    assert {*FORMS, "relationships", "tool_services"} == set(GROUPS)
    assert all(GROUPS[name].model.secret for name in FORMS)
    spec = BotForm.model_fields["spec"].annotation
    fields = set(
        next(m for m in (spec, *get_args(spec)) if hasattr(m, "model_fields")).model_fields
    )
    assert set(GROUPS) <= fields
    (tmp_path / "desk.yaml").write_text(manifest.dump([full()]), "utf-8")
    loaded = manifest.load([tmp_path], environ={})
    assert [one.bot for one in loaded.bots] == [full()]


def test_collections_of_rows_are_those_that_stores_have() -> None:
    assert set(COLLECTION_NAMES) == set(WATCHED) - {"glossaries", "events"}


@pytest.mark.parametrize("name", SHARED)
def test_what_all_bots_have_of_a_kind_is_kept_woven_and_dumped(name: str, tmp_path: Path) -> None:
    parts = getattr(full("x"), name)
    short = [p if name in BY_NAME else p.model_copy(update={"id": p.id[2:]}) for p in parts]
    words = Glossary(id="x", used_by=UsedBy(all=True), **{name: short})
    store, state = filled(2)
    state.put_many([(words, CLI)], actor="ann")
    assert state.ingest().events == ()
    (row,) = store.find("glossaries", {})
    assert len(row[name]) == 2
    bare = full("y", **{key: [] for key in NAMES})
    assert len(getattr(compose(bare, [words]), name)) == 2
    (tmp_path / "x.yaml").write_text(manifest.dump([words]))
    (found,) = manifest.load([tmp_path], environ={}).shared
    assert found.document == words
    later = Glossary(id="x", used_by=UsedBy(all=True))
    state.put_many([(later, CLI)], actor="ann")
    assert store.find("glossaries", {})[0].get(name, []) == []
    assert state.ingest().events == ()
