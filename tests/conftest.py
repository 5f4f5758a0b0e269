"""What holds for every test: no setting of the person's own shell and no data of theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

SETTINGS = ("MONGODB_URI", "MONGODB_DATABASE_NAME", "OPENAI_API_KEY")
KEPT = ("OTTO_TEST_", "OTTO_REQUIRE_")


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Gives the folder where libraries keep their files instead of the work tree."""
    home = tmp_path_factory.mktemp("parlant-home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name in SETTINGS or (name.startswith("OTTO_") and not name.startswith(KEPT)):
                patch.delenv(name)
        patch.setenv("PARLANT_HOME", str(home))
        patch.setenv("PARLANT_DATA_COLLECTION", "false")
        yield home
