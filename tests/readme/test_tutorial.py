"""docs/tutorial.md, run as it stands: every command in its order, and what it says under it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT, Daemon, Place, wait_for

TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
RUN = "otto-reconcile run --git ."
LOOKS = ("otto-reconcile status", "otto-reconcile show", "otto-reconcile history",
         "otto-reconcile blame", "otto-reconcile diff")  # fmt: skip
"""Commands that change nothing: the daemon may need a moment until they say what is shown."""


@dataclass
class Step:
    command: str
    shown: list[str] = field(default_factory=list)


def steps() -> list[Step]:
    found: list[Step] = []
    for block in re.findall(r"^```console\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line.removeprefix("$ ")))
            else:
                found[-1].shown.append(line)
    return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.manifests.rmdir()
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "otto-reconcile"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m otto_reconcile "$@"\n')
    program.chmod(0o755)
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))
    }
    made.environ |= {"PATH": f"{programs}:{made.environ['PATH']}", **identity}
    return made


def said(place: Place, command: str) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=place.folder,
        env=place.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode in (0, 2), f"$ {command}\n{done.stdout}"
    assert "Traceback" not in done.stdout
    return done.stdout


def fits(shown: list[str], output: str) -> bool:
    lines = [" ".join(line.split()) for line in output.splitlines()]
    wanted = [" ".join(line.split()) for line in shown]
    patterns = [".*".join(map(re.escape, line.split("…"))) for line in wanted]
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


def follow(place: Place) -> Iterator[Daemon]:
    """Runs the steps; gives the daemon once it is to be started."""
    for step in steps():
        if step.command == RUN:
            yield place.daemon("--git", ".", "--port", "0")
            continue
        command, _, entered = step.command.partition(" && cd bots")
        if entered:
            said(place, command)
            place.folder = place.folder / "bots"
            said(place, entered.removeprefix(" && "))
            continue
        last = ""

        def as_shown(step: Step = step) -> bool:
            nonlocal last
            last = said(place, step.command)
            return fits(step.shown, last)

        if step.command.startswith(LOOKS):
            try:
                wait_for(step.command, as_shown, seconds=30)
            except AssertionError as error:
                raise AssertionError(f"$ {step.command}\n{last}") from error
        else:
            assert as_shown(), f"$ {step.command}\n{last}"


@pytest.mark.timeout(300)  # a tutorial of ten minutes, two daemons and all
def test_the_tutorial(place: Place) -> None:
    following = follow(place)
    with next(following) as daemon:
        daemon.wait_synced("hello")
        assert next(following, None) is None
    with place.daemon("--git", ".", "--port", "0") as daemon:
        daemon.wait_synced("hello")
        (told,) = wait_for("the commit is told", lambda: daemon.status["git"]).values()
        assert told["commit"]["subject"] == "Bring bot 'hello' back to revision 2"


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT):
        assert os.path.exists(ROOT / "docs" / target), target
