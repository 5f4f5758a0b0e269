"""A bot whose manifest says that it had another id: it moves, in one import, past the guard."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import InvalidInput
from otto_reconcile.sources.importer import Imported, bring_in, load
from otto_reconcile.store.memory import MemoryStore

MANIFEST = """apiVersion: otto/v1
kind: Bot
metadata: {{id: {0}{1}}}
spec: {{name: Desk, description: Helps.}}
"""


@pytest.fixture
def desired() -> DesiredState:
    return DesiredState(MemoryStore())


def write(folder: Path, **bots: str | None) -> None:
    """Exactly these, each with the id that it had."""
    for file in folder.iterdir():
        file.unlink()
    for name, former in bots.items():
        told = f", renamedFrom: {former}" if former else ""
        (folder / f"{name}.yaml").write_text(MANIFEST.format(name, told))


def bring(desired: DesiredState, folder: Path, *, prune: bool = True) -> Imported:
    loaded = load([folder], {}).declarations
    return bring_in(desired, loaded, actor="ann", root=folder.resolve(), prune=prune)


def notes(desired: DesiredState, bot_id: str) -> list[tuple[str, str | None]]:
    return [(str(event.type), event.source.note) for event in desired.history(bot_id)]


def test_all_bots_of_a_folder_may_be_renamed(desired: DesiredState, tmp_path: Path) -> None:
    write(tmp_path, a=None, b=None, c=None)
    bring(desired, tmp_path)
    write(tmp_path, x="a", y="b", z="c")
    imported = bring(desired, tmp_path)
    assert (imported.created, imported.deleted) == (("x", "y", "z"), ("a", "b", "c"))
    assert (imported.guarded, imported.warnings) == (None, ())
    assert set(desired.read().bots) == {"x", "y", "z"}
    assert notes(desired, "x") == [("created", "renamed from a")]
    assert notes(desired, "a")[0] == ("deleted", "renamed to x")
    again = bring(desired, tmp_path)
    assert (again.changes, again.warnings) == (False, ())


def test_a_rename_is_no_part_of_a_mass_loss(desired: DesiredState, tmp_path: Path) -> None:
    names = {f"bot{n}": None for n in range(30)}
    write(tmp_path, **names)
    bring(desired, tmp_path)
    renamed: dict[str, str | None] = {f"new{n}": f"bot{n}" for n in range(10)}
    write(tmp_path, **{f"bot{n}": None for n in range(10, 30)}, **renamed)
    assert len(bring(desired, tmp_path).deleted) == 10
    write(tmp_path, **{f"bot{n}": None for n in range(11, 30)}, **renamed)
    assert bring(desired, tmp_path).deleted == ("bot10",)  # what moved before does not count
    write(tmp_path, **{f"bot{n}": None for n in range(15, 30)}, **renamed)
    assert bring(desired, tmp_path).guarded is not None


@pytest.mark.parametrize(
    ("bots", "problem"),
    [
        ({"a": None, "x": "a"}, "the bot `a`, from which this one is renamed, is still there"),
        ({"x": "a", "y": "a"}, "two bots are renamed from `a`"),
        ({"x": "x"}, "it is renamed from its own id"),
    ],
)
def test_a_rename_that_is_none_is_refused(
    desired: DesiredState, tmp_path: Path, bots: dict[str, str | None], problem: str
) -> None:
    write(tmp_path, a=None)
    bring(desired, tmp_path)
    write(tmp_path, **bots)
    with pytest.raises(InvalidInput) as refused:
        bring(desired, tmp_path)
    assert problem in str(refused.value)
    assert ".yaml:3:32: " in str(refused.value)
    assert set(desired.read().bots) == {"a"}


def test_a_bot_of_others_does_not_end(desired: DesiredState, tmp_path: Path) -> None:
    write(tmp_path, a=None)
    bring_in(desired, load([tmp_path], {}).declarations, actor="ann", kind="specification")
    write(tmp_path, x="a")
    for prune in (True, False):
        (warning,) = bring(desired, tmp_path, prune=prune).warnings
        assert warning.endswith("if it is to end, otto-reconcile delete a")
    assert set(desired.read().bots) == {"a", "x"}
    desired.delete("a", source=Source("cli"), actor="ann")
    assert bring(desired, tmp_path).warnings == ()
