"""Each manifest in bad/ is refused with exactly the problems written in the .txt beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput

FOLDER = Path("tests/manifest/bad")
CASES = sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".txt")
ENVIRON = {
    "API_KEY": "hush-hush",
    "BACKEND": "https://admin:hush-hush@backend",
    "DB_PWD": "hush-hush",
    "OTTO_ALLOW_ENV": "API_*",
    "WORD": "three",
}


def lines(error: InvalidInput) -> list[str]:
    return [str(problem).removeprefix(f"{problem.file}:") for problem in error.problems]


@pytest.mark.parametrize("case", CASES)
def test_says_what_is_wrong_and_where(case: str) -> None:
    path = FOLDER / case
    with pytest.raises(InvalidInput) as caught:
        manifest.load([path], environ=ENVIRON)
    assert lines(caught.value) == path.with_suffix(".txt").read_text().splitlines()
    assert "hush-hush" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_all_problems_of_all_files_come_in_one_run() -> None:
    with pytest.raises(InvalidInput) as caught:
        manifest.load([FOLDER], environ=ENVIRON)
    found = {Path(problem.file).name for problem in caught.value.problems}
    meant = {case for case in CASES if "otto/v" in (FOLDER / case).read_text()}
    assert found == meant | {"specification.json"}  # the others might be of another program
