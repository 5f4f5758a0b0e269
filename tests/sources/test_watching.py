"""What of a folder of manifests is noticed though no file was saved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile import manifest
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.runtime.fingerprint import fingerprint
from otto_reconcile.sources.watching import SELDOM, Watcher
from otto_reconcile.store.memory import MemoryStore
from tests.cli.command import manifest as text_of
from tests.reconcile.test_loop import until
from tests.sources.test_lineage import Replica


@pytest.mark.parametrize("target", ["nothere.yaml", "link.yaml"], ids=["nowhere", "to itself"])
async def test_a_link_that_leads_nowhere_is_seen_to_come_and_go(
    tmp_path: Path, target: str
) -> None:
    (tmp_path / "desk.yaml").write_text(text_of())
    replica, link = Replica(tmp_path, Stores.over(MemoryStore())), tmp_path / "link.yaml"
    async with replica.running():
        assert replica.state == "Imported"
        link.symlink_to(target)
        await until(lambda: replica.state == "Refused")
        assert "link.yaml:1:1: " in replica.problem
        (tmp_path / "shop.yaml").write_text(text_of("shop"))
        link.unlink()
        await until(lambda: replica.state == "Imported")
        assert {"desk", "shop"} == replica.stores.desired.read().bots.keys()


async def test_folder_behind_a_link_that_is_away_keeps_its_bots(
    tmp_path: Path,
) -> None:
    """A volume that is mounted again, or a swap in two steps."""
    folder, other = tmp_path / "manifests", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (folder / "desk.yaml").write_text(text_of())
    (other / "shop.yaml").write_text(text_of("shop"))
    (folder / "more").symlink_to("../other")
    (folder / "broken").symlink_to("nowhere")  # of which nobody knows anything
    replica = Replica(folder, Stores.over(MemoryStore()))
    async with replica.running():
        assert replica.state == "Imported"
        other.rename(tmp_path / "away")
        await until(lambda: replica.state == "Refused")
        assert "more:1:1: the manifest of shop was here; " in replica.problem
        assert {"desk", "shop"} == replica.stores.desired.read().bots.keys()
        (tmp_path / "away").rename(other)
        await until(lambda: replica.state == "Imported")
        other.rename(tmp_path / "away")
        await until(lambda: replica.state == "Refused")
        (folder / "more").unlink()  # now it is meant
        await until(lambda: replica.state == "Imported")
        assert {"desk"} == replica.stores.desired.read().bots.keys()


def test_a_change_of_what_may_be_read_is_a_change(tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text(text_of())
    before = fingerprint([file])
    assert fingerprint([file]) == before
    file.chmod(0)
    assert fingerprint([file]) != before


def test_a_folder_that_cannot_be_listed_is_watched_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    assert [*manifest.files_below(tmp_path)] == []
    listed = os.scandir

    def refused(path: Path) -> object:
        if path == inner:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert [*manifest.files_below(tmp_path)] == [inner]


@pytest.mark.parametrize(("took", "seconds"), [(0.0, 1.0), (0.01, 5.0), (10.0, SELDOM)])
def test_looks_without_a_notice_take_a_small_part_of_a_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, took: float, seconds: float
) -> None:
    monkeypatch.setattr("otto_reconcile.sources.watching.RECHECK", 1.0)
    nobody: Any = None
    watcher = Watcher(tmp_path, nobody, nobody)
    watcher._took = took
    assert watcher._recheck == seconds
