"""Odd inputs of the loaders, as many as there is time for; `tests.manifest.fuzz` tries more."""

from __future__ import annotations

from tests.manifest import fuzz


def test_every_odd_input_loads_or_has_faults_with_places() -> None:
    report = fuzz.run(1, 600)
    fuzz.try_files(1, 60, report)
    assert not report.failures
    assert report.counts["loaded"] > 40
    assert report.counts["refused"] > 200
