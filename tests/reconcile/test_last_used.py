"""When customers wrote to each bot last, over the end of a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile.reconcile.last_used import LastUsed
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.runtime.data_dir import USED_FILE


class Still(SystemClock):
    def monotonic(self) -> float:
        return 100.0


def test_the_times_outlive_the_process(tmp_path: Path) -> None:
    clock = Still()
    used = LastUsed(tmp_path, clock)
    used.note("desk")
    used.save()
    used.note("shop")
    used.save()  # too soon after the last time
    later = LastUsed(tmp_path, clock)
    assert later.at("desk") > 0
    assert later.at("shop") == 0
    used.save(at_once=True)
    assert LastUsed(tmp_path, clock).at("shop") > 0
    used.keep_only(frozenset({"shop"}))
    assert used.at("desk") == 0


@pytest.mark.parametrize("text", ["", "[]", '{"desk": "soon"}', "{", '{"desk": null}'])
def test_a_file_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / USED_FILE).write_text(text)
    assert LastUsed(tmp_path, Still()).at("desk") == 0


def test_without_a_folder_nothing_is_kept() -> None:
    used = LastUsed(None, Still())
    used.note("desk")
    used.save(at_once=True)
    assert used.at("desk") > 0
