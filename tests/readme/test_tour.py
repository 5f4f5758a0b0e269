"""The README's tour, run as it stands: every command, and what it says under it.

In what is shown `…` stands for anything within a line.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from tests.e2e.harness import ROOT, Daemon, Place, wait_for

README = (ROOT / "README.md").read_text(encoding="utf-8")
MANIFESTS = ROOT / "manifests"
SHOWN_URL = "http://127.0.0.1:8800"
EXITS = {"otto-reconcile diff -f hello.yaml": 2, "otto-reconcile validate typo.yaml": 1}


@dataclass
class Step:
    command: str
    shown: list[str] = field(default_factory=list)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def steps() -> list[Step]:
    found: list[Step] = []
    for line in "".join(blocks("console")).splitlines():
        if line.startswith("$ "):
            found.append(Step(line.removeprefix("$ ")))
        else:
            found[-1].shown.append(line)
    return found


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("tour")
    place = Place(folder)
    shutil.copytree(MANIFESTS, place.manifests, dirs_exist_ok=True)
    (manifest,) = (text for text in blocks("yaml") if text.startswith("# hello.yaml"))
    (folder / "hello.yaml").write_text(manifest)
    programs = folder / "bin"
    programs.mkdir()
    program = programs / "otto-reconcile"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m otto_reconcile "$@"\n')
    program.chmod(0o755)
    place.environ["PATH"] = f"{programs}:{place.environ['PATH']}"
    hosted = sorted(f"manifests/tools/{path.name}" for path in MANIFESTS.glob("tools/*.py"))
    tools = [word for path in hosted for word in ("--tools", path)]
    with place.daemon("--port", "0", *tools) as running:
        yield running


def said(daemon: Daemon, command: str) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", command.replace(SHOWN_URL, daemon.url)],
        cwd=daemon.place.folder,
        env=daemon.place.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )
    return done.returncode, done.stdout.replace(daemon.url, SHOWN_URL)


def fits(shown: list[str], output: str) -> bool:
    lines = [line.rstrip() for line in output.splitlines()]
    patterns = [".*".join(map(re.escape, line.rstrip().split("…"))) for line in shown]
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


def test_the_tour(daemon: Daemon) -> None:
    for step in steps():

        def as_shown(step: Step = step) -> bool:
            code, output = said(daemon, step.command)
            nonlocal last
            last = f"$ {step.command}\n{output}"
            assert code == EXITS.get(step.command, 0), last
            return fits(step.shown, output)

        last = ""
        if step.command.startswith("otto-reconcile actions"):
            wait_for("healed and on record", as_shown)
        else:
            assert as_shown(), last


def test_the_summary_has_the_lines_that_are_shown(daemon: Daemon) -> None:
    shown = next(text for text in blocks("text") if "is up after" in text)
    for line in shown.splitlines():
        start = re.split(r"[\d]|http|embedded:", line)[0]
        assert start in daemon.output, f"{start!r} is not in\n{daemon.output}"


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
