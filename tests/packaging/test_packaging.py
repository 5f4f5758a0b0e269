"""What a user gets: the version, the lock files, and the doors that one layer alone may open."""

from __future__ import annotations

import ast
import re
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
    "parlant.sdk": ("server/", "otto/", "persistence/sdk.py"),
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


def test_the_lock_for_tests_adds_to_the_users_and_changes_nothing() -> None:
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
