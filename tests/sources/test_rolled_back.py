"""What was rolled back stays so until its manifest changes, or a person applies it."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.records.events import ROLLBACK
from otto_reconcile.records.past import Past
from otto_reconcile.records.rollbacks import advice, rollback_source
from otto_reconcile.sources.importer import Imported, bring_in, load
from otto_reconcile.store.base import Store
from otto_reconcile.store.memory import MemoryStore

MANIFEST = """apiVersion: otto/v1
kind: Bot
metadata: {{id: desk}}
spec: {{name: Desk, description: {0}}}
"""


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def desired(store: Store) -> DesiredState:
    return DesiredState(store)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a bot beside it, so that no guard is in the way of deletions."""
    other = MANIFEST.replace("id: desk", "id: other")
    for number in range(30):
        text = other.replace("other", f"other{number}").format("Helps.")
        (tmp_path / f"other{number}.yaml").write_text(text)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "desk.yaml").write_text(MANIFEST.format(text))


def bring(desired: DesiredState, folder: Path, *, by_request: bool = False) -> Imported:
    return bring_in(
        desired,
        load([folder], {}).declarations,
        actor="ann",
        root=folder.resolve(),
        over_rollbacks=by_request,
    )


def roll_back(desired: DesiredState, store: Store, number: int) -> Source:
    past = Past(store)
    to = past.event("desk", number)
    assert to.declaration is not None
    source = rollback_source(past.events("desk"), to)
    desired.put(to.declaration, source=source, actor="ann")
    return source


def said(desired: DesiredState) -> str | None:
    return desired.get("desk").bot.description


@pytest.fixture
def rolled_back(desired: DesiredState, store: Store, folder: Path) -> DesiredState:
    """The manifest says Two since revision 2; revision 3 says One again."""
    for text in ("One", "Two"):
        write(folder, text)
        bring(desired, folder)
    roll_back(desired, store, 1)
    assert said(desired) == "One"
    return desired


def test_the_same_manifest_is_not_heeded(rolled_back: DesiredState, folder: Path) -> None:
    for _ in range(2):
        imported = bring(rolled_back, folder)
        assert not imported.changes
        assert "desk" in imported.unchanged
        assert imported.rolled_back == {"desk": advice(rolled_back.get("desk").source)}
        assert "desk.yaml says otherwise" in imported.rolled_back["desk"]
    assert (said(rolled_back), rolled_back.get("desk").revision) == ("One", 3)


def test_a_manifest_that_changes_is_imported(rolled_back: DesiredState, folder: Path) -> None:
    write(folder, "Three")
    imported = bring(rolled_back, folder)
    assert (imported.updated, imported.rolled_back) == (("desk",), {})
    assert said(rolled_back) == "Three"
    write(folder, "Two")  # it is no longer what was rolled back from
    assert bring(rolled_back, folder).updated == ("desk",)


def test_a_manifest_that_is_reverted_ends_it(rolled_back: DesiredState, folder: Path) -> None:
    write(folder, "One")
    imported = bring(rolled_back, folder)
    assert (imported.moved, imported.rolled_back, said(rolled_back)) == (("desk",), {}, "One")
    assert rolled_back.get("desk").source.kind == "manifest"
    write(folder, "Two")
    assert bring(rolled_back, folder).updated == ("desk",)


def test_whoever_applies_the_manifest_wants_it(rolled_back: DesiredState, folder: Path) -> None:
    assert bring(rolled_back, folder, by_request=True).updated == ("desk",)
    assert said(rolled_back) == "Two"
    assert rolled_back.get("desk").source.kind == "manifest"


def test_a_second_rollback_knows_what_the_manifest_says(
    rolled_back: DesiredState, store: Store, folder: Path
) -> None:
    write(folder, "Three")
    bring(rolled_back, folder)
    first = roll_back(rolled_back, store, 1)
    second = roll_back(rolled_back, store, 2)
    assert second.over == first.over
    assert bring(rolled_back, folder).rolled_back.keys() == {"desk"}
    third = roll_back(rolled_back, store, 4)
    assert (third.over, advice(third)) == (None, None)
    assert bring(rolled_back, folder).rolled_back == {}
    assert said(rolled_back) == "Three"


def test_it_still_goes_with_its_manifest(rolled_back: DesiredState, folder: Path) -> None:
    (folder / "desk.yaml").unlink()
    assert bring(rolled_back, folder).deleted == ("desk",)


def test_a_suspension_does_not_end_it(rolled_back: DesiredState, folder: Path) -> None:
    source = rolled_back.get("desk").source
    rolled_back.suspend("desk", True, source=source, actor="ann")
    assert bring(rolled_back, folder).rolled_back.keys() == {"desk"}


def test_what_an_import_deleted_comes_back_and_stays(
    desired: DesiredState, store: Store, folder: Path
) -> None:
    write(folder, "One")
    bring(desired, folder)
    (folder / "desk.yaml").unlink()
    assert bring(desired, folder).deleted == ("desk",)
    source = roll_back(desired, store, 1)
    assert source == Source(ROLLBACK, note="to revision 1")
    assert bring(desired, folder).deleted == ()
    assert said(desired) == "One"
    write(folder, "One")
    assert bring(desired, folder).moved == ("desk",)
    (folder / "desk.yaml").unlink()
    assert bring(desired, folder).deleted == ("desk",)


def test_what_was_deleted_by_hand_comes_back_over_its_manifest(
    desired: DesiredState, store: Store, folder: Path
) -> None:
    for text in ("One", "Two"):
        write(folder, text)
        bring(desired, folder)
    desired.delete("desk", source=Source("cli"), actor="ann")
    roll_back(desired, store, 1)
    assert bring(desired, folder).rolled_back.keys() == {"desk"}
    assert said(desired) == "One"


def test_a_bot_without_a_manifest_has_nothing_to_heed(
    desired: DesiredState, store: Store, folder: Path
) -> None:
    for text in ("One", "Two"):
        write(folder, text)
        loaded = load([folder / "desk.yaml"], {}).declarations
        bring_in(desired, loaded, actor="ann", kind="specification")
    source = roll_back(desired, store, 1)
    assert source == Source(ROLLBACK, note="to revision 1")
    assert advice(source) is None
    assert bring(desired, folder).updated == ("desk",)
