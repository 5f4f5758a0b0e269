"""What a user gets: the version, the lock files, and the doors that one layer alone may open."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import otto_reconcile

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "otto_reconcile"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-dev.lock")

DOORS = {
    "parlant.client": ("port/",),
    "parlant.sdk": ("server/", "otto/", "persistence/sdk_maker.py"),
    "pymongo": ("store/mongo.py",),
}


def locked(name: str) -> dict[str, list[Requirement]]:
    lines = (ROOT / name).read_text().splitlines()
    found: dict[str, list[Requirement]] = {}
    for line in lines:
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(line)
            found.setdefault(requirement.name, []).append(requirement)
    return found


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_installed_version_is_the_packages() -> None:
    assert metadata.version("otto-reconcile") == otto_reconcile.__version__


def test_the_command_is_the_one_that_is_documented() -> None:
    (script,) = metadata.distribution("otto-reconcile").entry_points.select(group="console_scripts")
    assert (script.name, script.value) == ("otto-reconcile", "otto_reconcile.cli:main")


def test_types_are_shipped() -> None:
    assert files("otto_reconcile").joinpath("py.typed").is_file()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_no_path(lock: str) -> None:
    assert not re.findall(r"://|^\s*-|(?<![\w.-])[/~]\w+", (ROOT / lock).read_text(), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_dependency_within_its_range(lock: str) -> None:
    wanted = list(PROJECT["dependencies"])
    if lock == "requirements-dev.lock":
        wanted += PROJECT["optional-dependencies"]["dev"]
    pins = locked(lock)
    for text in wanted:
        requirement = Requirement(text)
        assert requirement.name in pins, f"{lock} lacks {requirement.name}: run `make lock`"
        for pin in pins[requirement.name]:
            (version,) = SpecifierSet(str(pin.specifier))
            assert version.operator == "=="
            assert requirement.specifier.contains(version.version), f"{lock}: run `make lock`"


def test_lock_for_tests_adds_to_the_users_lock_only() -> None:
    users, tests = (locked(lock) for lock in LOCKS)
    assert {name: list(map(str, pins)) for name, pins in users.items()} == {
        name: list(map(str, pins)) for name, pins in tests.items() if name in users
    }


@pytest.mark.parametrize("module", sorted(DOORS))
def test_each_door_is_opened_by_one_layer_alone(module: str) -> None:
    strangers = sorted(
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if not path.relative_to(PACKAGE).as_posix().startswith(DOORS[module])
        and any(name == module or name.startswith(f"{module}.") for name in imports(path))
    )
    assert strangers == []


def test_the_supported_pythons_are_the_same_in_every_place() -> None:
    classified = [
        line.rpartition(" ")[2]
        for line in PROJECT["classifiers"]
        if line.startswith("Programming Language :: Python :: 3.")
    ]
    first, last = classified[0], f"3.{int(classified[-1].split('.')[1]) + 1}"
    assert PROJECT["requires-python"] == f">={first},<{last}"
    (listed,) = re.findall(
        r"^versions='(.+)'$", (ROOT / "scripts/pythons").read_text(), re.MULTILINE
    )
    assert sorted(listed.split()) == classified
    assert f"Python {first} to {classified[-1]}" in (ROOT / "README.md").read_text()
    table = (ROOT / "docs/compatibility.md").read_text()
    assert [v for v in classified if v not in table] == []


def test_types_are_checked_for_the_python_that_runs() -> None:
    # What is installed differs: numpy's stubs for a newer Python do not parse for an older one.
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert "python_version" not in mypy


def test_a_python_of_pyenv_is_found_that_is_not_selected(tmp_path: Path) -> None:
    def interpreter(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    for name in ("python3.13", "python3.12", "python3.11", "python3.14", "python3", "python"):
        interpreter(tmp_path / "shims" / name, "exit 127")
    root = tmp_path / "pyenv"
    interpreter(root / "versions/3.12.9/bin/python", f"[ $3 = 3.12 ] && echo {sys.executable}")
    environ = {"PATH": str(tmp_path / "shims"), "PYENV_ROOT": str(root)}
    done = subprocess.run(
        [str(ROOT / "scripts/pythons")], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [sys.executable]
