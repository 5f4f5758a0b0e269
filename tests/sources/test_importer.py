"""A folder of manifests that lost some: what is deleted, and what is kept for a person to say."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import Bot
from otto_reconcile.sources.importer import Imported, bring_in, load
from otto_reconcile.sources.roots import root_of
from otto_reconcile.store.memory import MemoryStore

MANIFEST = """apiVersion: otto/v1
kind: Bot
metadata: {{id: {0}}}
spec: {{name: {0}, description: Helps.}}
"""


@pytest.fixture
def desired() -> DesiredState:
    """Sixty bots of other sources are wanted already."""
    state = DesiredState(MemoryStore())
    bots = [(Bot(id=f"other{n}", name="Other"), Source("cli")) for n in range(60)]
    state.put_many(bots, actor="ann")
    return state


def write(folder: Path, names: Iterable[str]) -> None:
    """Exactly these manifests, one file each."""
    for file in folder.iterdir():
        file.unlink()
    for name in names:
        (folder / f"{name}.yaml").write_text(MANIFEST.format(name))


def bring(desired: DesiredState, folder: Path) -> Imported:
    return bring_in(desired, load([folder], {}).declarations, actor="ann", root=folder.resolve())


def here(desired: DesiredState) -> list[str]:
    return [bot_id for bot_id in desired.read().bots if not bot_id.startswith("other")]


@pytest.mark.parametrize(
    ("before", "after"),
    [("a", ""), ("ab", ""), ("abcdef", ""), ("abcdef", "abcd"), ("abc", "a"), ("ab", "x")],
)
def test_mass_loss_of_a_folder_is_withheld(
    desired: DesiredState, tmp_path: Path, before: str, after: str
) -> None:
    write(tmp_path, before)
    assert bring(desired, tmp_path).created == tuple(before)
    write(tmp_path, after)
    missing = tuple(sorted(set(before) - set(after)))
    for _ in range(2):
        imported = bring(desired, tmp_path)
        assert (imported.deleted, imported.withheld) == ((), missing)
        assert imported.guarded is not None
        assert "bots of this folder" in str(imported.guarded)
        assert imported.guarded.hint is not None
        which = " ".join(missing) if len(missing) < 6 else f"--gone-from {tmp_path}"
        hint = imported.guarded.hint.partition("; one that only has another id")[0]
        assert hint == f"if that is meant: otto-reconcile delete {which}"
    assert here(desired) == sorted({*before, *after})
    desired.delete_many(missing, source=Source("cli"), actor="ann")
    assert bring(desired, tmp_path).withheld == ()
    assert here(desired) == list(after)


def test_the_only_bot_under_another_id_waits_for_a_person(
    desired: DesiredState, tmp_path: Path
) -> None:
    write(tmp_path, "a")
    bring(desired, tmp_path)
    write(tmp_path, "x")
    imported = bring(desired, tmp_path)
    assert (imported.created, imported.deleted, imported.withheld) == (("x",), (), ("a",))
    assert "`renamedFrom`" in str(imported.guarded and imported.guarded.hint)


@pytest.mark.parametrize(("before", "after"), [("ab", "a"), ("abcdef", "abcde")])
def test_one_manifest_that_went_is_deleted(
    desired: DesiredState, tmp_path: Path, before: str, after: str
) -> None:
    write(tmp_path, before)
    bring(desired, tmp_path)
    write(tmp_path, after)
    imported = bring(desired, tmp_path)
    assert (len(imported.deleted), imported.withheld, imported.guarded) == (1, (), None)
    assert here(desired) == list(after)
    assert len(desired.read().bots) == 60 + len(after)


def test_manifest_moved_within_its_folder_takes_its_source_along(
    desired: DesiredState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bots"
    folder.mkdir()
    write(folder, "ab")
    bring(desired, folder)
    (folder / "sub").mkdir()
    (folder / "a.yaml").rename(folder / "sub" / "a.yaml")
    imported = bring(desired, folder)
    assert (imported.updated, imported.unchanged, imported.deleted) == (("a",), ("b",), ())
    wanted = desired.read().bots["a"]
    assert (wanted.revision, wanted.source.path) == (2, str(folder / "sub" / "a.yaml"))
    monkeypatch.chdir(tmp_path)
    declarations = load([Path("bots")], {}).declarations  # the same folder by another name
    for _ in range(2):
        imported = bring_in(desired, declarations, actor="ann", root=folder.resolve())
        assert (imported.updated, imported.unchanged) == ((), ("a", "b"))


def test_another_folder_is_no_reason_to_delete(desired: DesiredState, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, names in ((one, "ab"), (two, "cd")):
        folder.mkdir()
        write(folder, names)
        bring(desired, folder)
    write(one, "")
    assert bring(desired, one).withheld == ("a", "b")
    assert here(desired) == ["a", "b", "c", "d"]


def roots(desired: DesiredState, *bot_ids: str) -> list[str | None]:
    bots = desired.read().bots
    return [bots[bot_id].source.root for bot_id in bot_ids]


@pytest.mark.parametrize("changed", ["", "a"])
def test_moved_folder_takes_bots_over_and_names_what_it_lacks(
    desired: DesiredState, tmp_path: Path, changed: str
) -> None:
    """As a checkout of another commit, in a folder of its own."""
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    for folder in (one, two, three):
        folder.mkdir()
    write(one, "abcd")
    bring(desired, one)
    write(two, "abc")
    if changed:
        (two / "a.yaml").write_text(MANIFEST.format("a").replace("Helps.", "Otherwise."))
    imported = bring(desired, two)
    assert imported.updated == tuple(changed)
    assert imported.moved == tuple(sorted(set("abc") - set(changed)))
    assert (imported.deleted, imported.withheld) == ((), ())
    (warning,) = imported.warnings
    assert f"takes over from {one.resolve()}" in warning
    assert warning.endswith("otto-reconcile delete d")
    assert here(desired) == list("abcd")
    assert roots(desired, *"abcd") == [*[str(two.resolve())] * 3, str(one.resolve())]
    again = bring(desired, two)
    assert (again.unchanged, again.moved, again.warnings) == (tuple("abc"), (), ())
    write(two, "ab")
    assert bring(desired, two).deleted == ("c",)


def test_what_no_folder_had_belongs_to_the_one_that_has_it(
    desired: DesiredState, tmp_path: Path
) -> None:
    write(tmp_path, "ab")
    bring_in(desired, load([tmp_path / "a.yaml"], {}).declarations, actor="ann")
    desired.put(Bot(id="b", name="b", description="Helps."), source=Source("chat"), actor="ann")
    imported = bring(desired, tmp_path)
    assert (imported.moved, imported.unchanged, imported.warnings) == (("a",), ("b",), ())
    assert roots(desired, "a", "b") == [str(tmp_path.resolve()), None]


def test_what_is_only_applied_stays_whose_it_was(desired: DesiredState, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        write(folder, "a")
    bring(desired, one)
    declarations = load([two], {}).declarations
    imported = bring_in(desired, declarations, actor="ann", root=two.resolve(), prune=False)
    assert (imported.unchanged, imported.moved) == (("a",), ())
    assert roots(desired, "a") == [str(one.resolve())]


def test_a_manifest_that_is_one_no_more_deletes_nothing(
    desired: DesiredState, tmp_path: Path
) -> None:
    write(tmp_path, "abc")
    bring(desired, tmp_path)
    (tmp_path / "a.yaml").write_text("apiVersi")  # half of it, as an editor may leave it
    (tmp_path / "values.yaml").write_text("of: another program")
    loaded = load([tmp_path], {})
    root = tmp_path.resolve()
    with pytest.raises(InvalidInput) as caught:
        bring_in(desired, loaded.declarations, actor="ann", root=root, foreign=loaded.foreign)
    (problem,) = caught.value.problems
    assert "a.yaml:1:1: the manifest of a was here; this is no manifest" in str(problem)
    assert here(desired) == ["a", "b", "c"]
    (tmp_path / "a.yaml").write_text(MANIFEST.format("a"))
    loaded = load([tmp_path], {})
    bring_in(desired, loaded.declarations, actor="ann", root=root, foreign=loaded.foreign)
    assert [Path(line.file).name for line in loaded.foreign] == ["values.yaml"]
    assert here(desired) == ["a", "b", "c"]


def release(place: Path, name: str, bots: Iterable[str]) -> Path:
    """A release of the folder, to which the link `current` leads from now on."""
    (place / name / "m").mkdir(parents=True)
    write(place / name / "m", bots)
    link = place / "next"
    link.symlink_to(name)
    link.rename(place / "current")
    return place / "current" / "m"


def test_a_link_that_is_swapped_is_one_folder(desired: DesiredState, tmp_path: Path) -> None:
    names = [f"b{n:02}" for n in range(12)]
    folder = release(tmp_path, "one", names)
    declarations = load([folder], {})
    bring_in(desired, declarations.declarations, actor="ann", root=root_of(folder))
    before = desired.marker()
    release(tmp_path, "two", names[1:])
    shutil.rmtree(tmp_path / "one")
    imported = bring_in(desired, load([folder], {}).declarations, actor="ann", root=root_of(folder))
    assert (imported.deleted, imported.moved, imported.updated) == (("b00",), (), ())
    assert here(desired) == names[1:]
    assert roots(desired, *names[1:]) == [str(folder)] * 11
    assert desired.marker() != before
    assert {w.revision for b, w in desired.read().bots.items() if b in names} == {1}


@pytest.mark.parametrize("swapped", [False, True])
def test_a_database_of_before_is_taken_over_without_a_revision(
    desired: DesiredState, tmp_path: Path, swapped: bool
) -> None:
    """Earlier versions kept the place behind the link as the folder's name."""
    names = [f"b{n:02}" for n in range(12)]
    folder = release(tmp_path, "one", names)
    bring_in(desired, load([folder], {}).declarations, actor="ann", root=folder.resolve())
    if swapped:  # while it was not running
        release(tmp_path, "two", names)
        shutil.rmtree(tmp_path / "one")
    before = desired.marker()
    imported = bring_in(desired, load([folder], {}).declarations, actor="ann", root=root_of(folder))
    assert (imported.unchanged, imported.warnings) == (tuple(names), ())
    assert desired.marker() == before
    release(tmp_path, "three", names[1:])
    imported = bring_in(
        desired,
        load([folder], {}).declarations,
        actor="ann",
        root=root_of(folder),
        names=imported.names,  # as the folder's record has them
    )
    assert imported.deleted == ("b00",)
    assert here(desired) == names[1:]


def test_a_folder_beside_the_release_is_another(desired: DesiredState, tmp_path: Path) -> None:
    beside = tmp_path / "beside" / "m"
    beside.mkdir(parents=True)
    write(beside, "ab")
    bring_in(desired, load([beside], {}).declarations, actor="ann", root=beside)
    folder = release(tmp_path, "one", "a")
    assert bring_in(desired, load([folder], {}).declarations, actor="ann", root=folder).moved == (
        "a",
    )
    assert here(desired) == ["a", "b"]


def test_a_folder_is_named_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = release(tmp_path, "one", "a")
    (tmp_path / "far" / "x").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "x")
    assert root_of(folder) == folder
    assert root_of(Path(f"{folder}/")) == folder
    assert root_of(tmp_path / "one" / ".." / "current" / "m") == folder
    assert root_of(tmp_path / "link" / ".." / "x") == (tmp_path / "far" / "x").resolve()
    monkeypatch.chdir(tmp_path / "current")
    monkeypatch.setenv("PWD", str(tmp_path / "current"))
    assert root_of(Path("m")) == root_of(Path("./m/")) == folder
    monkeypatch.setenv("PWD", "/somewhere/else")
    assert root_of(Path("m")) == (tmp_path / "one" / "m").resolve()


def imported_twelve(folder: Path) -> tuple[MemoryStore, list[str], datetime]:
    """A store with twelve bots of the folder, their ids, and when they were imported."""
    time, store = datetime(2030, 1, 1, tzinfo=UTC), MemoryStore()
    names = [f"b{n:02}" for n in range(12)]
    write(folder, names)
    bring(DesiredState(store, lambda: time), folder)
    return store, names, time


def test_deletions_one_by_one_count_together(tmp_path: Path) -> None:
    store, names, time = imported_twelve(tmp_path)
    for left in range(1, 12):
        time += timedelta(seconds=1.2)
        write(tmp_path, names[left:])
        state = DesiredState(store, lambda now=time: now)  # another one, as after a restart
        imported = bring(state, tmp_path)
        assert imported.deleted == (("b00",) if left == 1 else ())
        assert imported.withheld == tuple(names[1:left])
    assert imported.guarded is not None
    assert "11 of 12" in imported.guarded.message.replace("10 of 11", "11 of 12")
    assert sorted(DesiredState(store).read().bots) == names[1:]


def test_a_deletion_of_long_ago_does_not_count(tmp_path: Path) -> None:
    store, names, time = imported_twelve(tmp_path)
    for left, later in ((1, 0), (2, 9), (2, 11)):
        write(tmp_path, names[left:])
        imported = bring(
            DesiredState(store, lambda now=time + timedelta(minutes=later): now), tmp_path
        )
        assert bool(imported.withheld) == (later == 9)
    assert sorted(DesiredState(store).read().bots) == names[2:]


def test_rows_that_go_one_by_one_count_together() -> None:
    store = MemoryStore()
    state = DesiredState(store)
    names = [f"b{n:02}" for n in range(12)]
    state.put_many([(Bot(id=n, name=n), Source("cli")) for n in names], actor="ann")
    for name in names[:3]:
        store.delete("bots", {"bot_id": name})
        ingested = DesiredState(store).ingest()
    assert ingested.vanished == ("b02",)
    assert any("within 10 minutes" in problem for problem in ingested.problems)
    assert sorted(state.read().bots) == names[2:]
