"""A wheel of this work tree has all that `init` needs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is in a wheel, with nothing of the work tree beside it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize("arguments", [[], ["--example", "travel"]])
def test_init_of_a_wheel_makes_a_valid_folder(
    installed: Path, tmp_path: Path, arguments: list[str]
) -> None:
    environ = {**os.environ, "PYTHONPATH": str(installed)}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "otto_reconcile", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert run("init", *arguments).endswith("next: otto-reconcile run\n")
    assert run("validate") == "1 bot in 1 file is valid\n"
    assert (tmp_path / "schemas" / "manifest.schema.json").is_file()


def test_the_examples_of_the_wheel_are_those_of_the_work_tree(installed: Path) -> None:
    packaged = {p.name: p.read_bytes() for p in (installed / "otto_reconcile/examples").glob("*")
                if p.is_file()}  # fmt: skip
    assert packaged == {p.name: p.read_bytes() for p in (ROOT / "manifests").glob("*.yaml")}
    for name in ("hello.yaml", "otto.yaml", "workflow.yaml", "gitignore"):
        assert (installed / "otto_reconcile" / "starter" / name).is_file()
