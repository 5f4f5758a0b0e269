"""A kind that the product does not have, added in three files: it does all that others do.

The recipe of docs/contributing.md, on a copy of the package: the part and the list of them in
`model/bot.py`, its kind in `model/badge.py`, and its adapter in `port/adapters/badge.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.harness import wait_for

PACKAGE = Path(__file__).parents[2] / "otto_reconcile"
ADDED = Path(__file__).parent / "added"
MANIFEST = """\
apiVersion: otto/v1
kind: Bot
metadata: {{id: desk}}
spec:
  name: Desk
  badges:
    - id: best
      title: Best of all
      note: Since ${{secret:SINCE}}
      size: {size}
    - {{id: second, title: Second, shiny: true}}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one kind more."""
    root = tmp_path_factory.mktemp("package")
    made = root / PACKAGE.name
    shutil.copytree(PACKAGE, made, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ADDED / "model.txt", made / "model" / "badge.py")
    shutil.copyfile(ADDED / "adapter.txt", made / "port" / "adapters" / "badge.py")
    bots = made / "model" / "bot.py"
    text = bots.read_text()
    text = text.replace(
        "class Masked(Part):", (ADDED / "bot.txt").read_text() + "class Masked(Part):"
    )
    listed = '    badges: list[Badge] = Field(default=[], description="What it shows of itself.")\n'
    text = text.replace("    masked: dict[str, Masked]", f"{listed}    masked: dict[str, Masked]")
    bots.write_text(text)
    return root


class Place:
    """The command of that package in a folder of its own."""

    def __init__(self, package: Path, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            **os.environ,
            "PYTHONPATH": str(package),
            "SINCE": "1999",
            "OTTO_ACTOR": "t",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "otto_reconcile", *arguments]

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = self._done(*arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def said(self, *arguments: str) -> str:
        return self._done(*arguments).stdout

    def _done(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=90,
            check=False,
        )  # fmt: skip

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        command, nowhere = self.command("run", *arguments), subprocess.DEVNULL
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environ, stdout=nowhere, stderr=nowhere
        ) as daemon:
            try:
                yield
            finally:
                daemon.terminate()
                daemon.wait(30)

    def write(self, text: str) -> str:
        (self.folder / "desk.yaml").write_text(text)
        return "desk.yaml"

    def rows(self) -> list[dict[str, Any]]:
        with sqlite3.connect(self.folder / ".otto" / "otto.db") as connection:
            found = connection.execute("SELECT document FROM badges ORDER BY id").fetchall()
        connection.close()
        return [json.loads(document) for (document,) in found]


@pytest.fixture
def place(package: Path, tmp_path: Path) -> Place:
    return Place(package, tmp_path)


def test_it_is_validated_and_in_the_schema(place: Place) -> None:
    file = place.write(MANIFEST.format(size="large"))
    said = place("validate", file, "--allow-env", "SINCE", code=1)
    assert "desk.yaml:10:13: " in said
    place.write(MANIFEST.format(size=2).replace("title: Second", "title: Best of all, colour: 1"))
    said = place("validate", file, "--allow-env", "SINCE", code=1)
    assert "desk.yaml:11:40: unknown key `colour`" in said
    schema = json.loads(place("schema"))
    badge = schema["$defs"]["BadgeForm"]["properties"]
    assert badge["title"]["description"] == "What stands on the badge."
    assert schema["$defs"]["SpecForm"]["properties"]["badges"]["description"].startswith("What it")


def test_it_is_stored_exported_and_planned(place: Place) -> None:
    file = place.write(MANIFEST.format(size=2))
    place("apply", "-f", file, "--allow-env", "SINCE")
    ids = ["desk.best", "desk.second"]
    assert [row["badge_id"] for row in place.rows()] == ids
    assert place.rows()[0].items() >= {"note": "Since 1999", "size": 2, "bot_id": "desk"}.items()
    spec = yaml.safe_load(place("export", "desk"))["spec"]
    assert spec["badges"] == [
        {"id": "best", "title": "Best of all", "note": "Since ${secret:SINCE}", "size": 2},
        {"id": "second", "title": "Second", "shiny": True},
    ]
    place("delete", "desk", "--yes")
    assert place.rows() == []


def test_a_row_that_another_program_wrote_is_read(place: Place, parlant_url: str) -> None:
    place("apply", "-f", place.write(MANIFEST.format(size=2)), "--allow-env", "SINCE")
    row = {"badge_id": "desk.third", "bot_id": "desk", "title": "Third", "size": 5}
    with sqlite3.connect(place.folder / ".otto" / "otto.db") as connection:
        connection.execute("INSERT INTO badges (document) VALUES (?)", (json.dumps(row),))
    connection.close()
    with place.running("--parlant-url", parlant_url):
        third = f"{parlant_url}/customers/desk.third"
        wait_for("it to be made", lambda: httpx.get(third).is_success)
        assert httpx.get(third).json()["name"] == "Third"
        place("delete", "desk", "--yes")
        wait_for("it to be deleted", lambda: httpx.get(third).status_code == 404)


def test_it_is_applied_healed_and_deleted(place: Place, parlant_url: str) -> None:
    file = place.write(MANIFEST.format(size=2))
    place("apply", "-f", file, "--allow-env", "SINCE")
    planned = place("diff", "--parlant-url", parlant_url, code=2)
    for line in ("+ create badge desk.best\n", "      size: 2\n", "badge desk.second\n"):
        assert line in planned
    best = f"{parlant_url}/customers/desk.best"

    def back() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(httpx.get(best).json()["metadata"]["back"])
        return found

    with place.running("--parlant-url", parlant_url, "--interval", "1"):
        wait_for("it to be made", lambda: httpx.get(best).is_success)
        assert back() == {"title": None, "note": "Since 1999", "size": 2}
        httpx.patch(best, json={"name": "Worst"})
        wait_for("it to be healed", lambda: httpx.get(best).json()["name"] == "Best of all")
        place.write(MANIFEST.format(size=3))
        place("apply", "-f", file, "--allow-env", "SINCE")
        wait_for("the change", lambda: back()["size"] == 3)
        wait_for("no difference", lambda: "no difference" in place.said("diff"))
        place("delete", "desk", "--yes")
        wait_for("it to be deleted", lambda: httpx.get(best).status_code == 404)
