"""docs/parlant-coverage.md against the SDK that is installed: a new release shows here first."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import parlant.sdk as sdk

PAGE = Path("docs/parlant-coverage.md")
CLASSES = (
    "Server",
    "Agent",
    "ExperimentalAgentFeatures",
    "Journey",
    "JourneyState",
    "InitialJourneyState",
    "ChatJourneyState",
    "ToolJourneyState",
    "ForkJourneyState",
    "Guideline",
    "Tag",
    "Variable",
    "Customer",
    "Session",
)
OF_CONVERSATIONS = {"Agent.current", "Customer.current", "Customer.guest", "Session.current"}
_NAME = re.compile(r"`([A-Za-z_.]+)`")


def in_sdk() -> dict[str, set[str]]:
    """The parameters of every public method of the classes in which a program makes a bot."""
    found = {}
    for name in CLASSES:
        for method, member in vars(getattr(sdk, name)).items():
            plain: Any = getattr(member, "__func__", member)
            wanted = method == "__init__" if name == "Server" else False
            if not inspect.isfunction(plain) or (method.startswith("_") and not wanted):
                continue
            parameters = set(inspect.signature(plain).parameters) - {"self", "cls"}
            found[f"{name}.{method}"] = parameters
    return found


def on_page() -> dict[str, set[str]]:
    """The same as the first columns of the tables have it."""
    found: dict[str, set[str]] = {}
    for line in PAGE.read_text().splitlines():
        if not line.startswith("| `"):
            continue
        names = _NAME.findall(line.split("|")[1])
        for method in (name for name in names if "." in name):
            found.setdefault(method, set()).update(name for name in names if "." not in name)
    return found


def test_every_method_and_parameter_of_the_sdk_is_on_the_page() -> None:
    theirs = {name: value for name, value in in_sdk().items() if name not in OF_CONVERSATIONS}
    assert on_page() == theirs


def test_every_name_that_the_sdk_exports_is_on_the_page() -> None:
    told = {name for found in _NAME.findall(PAGE.read_text()) for name in found.split(".")}
    assert sorted(set(sdk.__all__) - told) == []
