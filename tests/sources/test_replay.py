"""Two thousand commits, replayed: after each quiet point what is live is what the model says."""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from otto_reconcile.desired import DesiredState
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.memory import MemoryStore
from tests.sources.branches import Follower, Repo
from tests.sources.test_importer import MANIFEST
from tests.support.examples import examples

pytestmark = pytest.mark.process

COMMITS, QUIET = examples(2000), 20


@dataclass
class Model:
    """The bots of each commit, None where one has a fault; and what is live."""

    content: dict[str, dict[str, str] | None] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)

    def settle(self, tip: str) -> None:
        if (content := self.content[tip]) is not None:
            self.live = dict(content)


class Author:
    """Makes commits in a bare way: no work tree is needed, so many are made quickly."""

    def __init__(self, repo: Repo, model: Model, choice: random.Random) -> None:
        self.repo, self.model, self.choice = repo, model, choice
        self.tip: str | None = None
        self.bots = {f"bot-{number}": "Zero." for number in range(40)}
        self.deletions = 0

    def commits(self, count: int) -> None:
        """So many more on the branch, which may be moved back first."""
        if self.tip is not None and self.choice.random() < 0.15:
            self.move_back()
        stream = []
        made: list[tuple[dict[str, str], bool]] = []
        for number in range(count):
            self._change(number)
            broken = self.choice.random() < 0.2
            made.append((dict(self.bots), broken))
            stream.append(self._commit(number, broken, first=number == 0))
        marks = self.repo.folder / ".git" / "marks"
        subprocess.run(
            ["git", "-C", str(self.repo.folder), "fast-import", "--quiet", "--force",
             f"--export-marks={marks}"],
            input="".join(stream).encode(),
            check=True,
        )  # fmt: skip
        named = dict(line.split() for line in marks.read_text().splitlines())
        for number, (bots, broken) in enumerate(made, 1):
            self.tip = named[f":{number}"]
            self.model.content[self.tip] = None if broken else bots

    def move_back(self) -> None:
        count = self.choice.randrange(1, 15)
        found = self.repo.git("rev-list", "-n", str(count + 1), "main").split()
        self.tip = found[-1]
        self.repo.git("update-ref", "refs/heads/main", self.tip)
        content = self.model.content[self.tip]
        self.bots = dict(content) if content is not None else self.bots

    def _change(self, number: int) -> None:
        name = self.choice.choice(sorted(self.bots))
        if self.choice.random() < 0.05 and self.deletions < 1 and len(self.bots) > 30:
            self.deletions += 1
            del self.bots[name]
        elif self.choice.random() < 0.1:
            self.bots[f"bot-{self.choice.randrange(1000)}"] = "New."
        else:
            self.bots[name] = f"Said {self.choice.randrange(10**9)}."

    def _commit(self, number: int, broken: bool, *, first: bool) -> str:
        lines = [f"commit refs/heads/main\nmark :{number + 1}\n"]
        lines.append(f"committer Ann <ann@example.com> {1_900_000_000 + number} +0000\n")
        lines.append("data 6\nchange\n")
        if first and self.tip is not None:
            lines.append(f"from {self.tip}\n")
        lines.append("deleteall\n")
        for name, text in sorted(self.bots.items()):
            lines.append(_file(f"m/{name}.yaml", MANIFEST.format(name).replace("Helps.", text)))
        if broken:
            lines.append(_file("m/broken.yaml", "apiVersion: otto/v1\nkind: Bot\nspec: [\n"))
        return "".join(lines)


def _file(path: str, text: str) -> str:
    return f"M 644 inline {path}\ndata {len(text.encode())}\n{text}\n"


@pytest.mark.parametrize("seed", [1])
async def test_what_is_live_is_what_the_model_says(tmp_path: Path, seed: int) -> None:
    now = [datetime(2030, 1, 1, tzinfo=UTC)]
    store = MemoryStore()
    stores = replace(Stores.over(store), desired=DesiredState(store, lambda: now[0]))
    repo, model = Repo(tmp_path / "repo"), Model()
    author = Author(repo, model, random.Random(seed))
    follower = Follower(repo.folder, stores, tmp_path / "data", branch="main")
    point = 0
    while len(model.content) < COMMITS:
        point += 1
        author.deletions = 0
        if author.tip is not None and author.choice.random() < 0.2:
            author.move_back()
        else:
            author.commits(QUIET)
        now[0] += timedelta(minutes=11)  # the guard counts what went in the last ten
        assert author.tip is not None
        if author.choice.random() < 0.2:
            follower.start()  # it was restarted meanwhile
        assert await follower.branch.import_now(patient=True)
        model.settle(author.tip)
        found = stores.desired.read().bots
        assert {name: one.bot.description for name, one in found.items()} == model.live, point
        refused = model.content[author.tip] is None
        assert follower.state == ("Refused" if refused else "Imported"), follower.problem
        assert (follower.told["refused"] or follower.told["commit"])["id"] == author.tip
