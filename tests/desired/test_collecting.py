"""The collector rests while much is read, however many read at once, and works again after it."""

from __future__ import annotations

import gc

from otto_reconcile.runtime.collecting import uncollected


def test_the_collector_rests_inside_and_works_after_it() -> None:
    assert gc.isenabled()
    with uncollected(), uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert not gc.get_freeze_count()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
