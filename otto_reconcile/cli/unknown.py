"""The error about a name that is none: with the one that was most likely meant, or why it is none.

A folder of manifests is imported as a whole, so that a bot may be missing for a fault in any file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import InvalidInput, NotFound
from otto_reconcile.manifest import is_manifest, read_one
from otto_reconcile.manifest.messages import near
from otto_reconcile.model.shared import called, is_shared
from otto_reconcile.records.composition import users
from otto_reconcile.records.events import Desired, DesiredBot, DesiredShared
from otto_reconcile.runtime.selecting import OPTION, Selector

LISTED = "otto-reconcile get lists them"
_PLACE = re.compile(r"(.+?):\d+:\d+: ")


def not_there(
    name: str,
    known: Iterable[str],
    daemon: Mapping[str, Any] | None = None,
    *,
    said: str = "there is no {}",
    listed: str = LISTED,
) -> NotFound:
    """`known` are the names that there are; `daemon` is the status of a running one.

    `said` is the message, and `listed` the hint where nothing better is known.
    """
    message, meant, refused = said.format(called(name)), near(name, known), _refused(name, daemon)
    if refused is not None and (refused.own or meant is None):
        whose = refused.file if refused.own else "the folder of manifests"
        why = f"{message}: {whose} is refused, and nothing of it imported: {refused.problem}"
        return NotFound(why, hint="otto-reconcile status has all that is refused", name=name)
    if meant is None and (Path(name).is_file() or is_manifest(Path(name))):
        meant = "a bot is named by its `metadata.id`; apply, diff and graph take a file with -f"
    return NotFound(message, hint=meant or listed, name=name)


def no_bot(name: str, found: Desired, daemon: Mapping[str, Any] | None = None) -> NotFound:
    """As `not_there` where only a bot will do; of what bots share it says whose it is."""
    if name not in {*found.shared, *found.unreadable_shared}:
        return not_there(name, found.bots, daemon)
    by = users(name, found) if name in found.shared else []
    return NotFound(f"{name} is no bot", hint=f"it is used by {', '.join(by[:5]) or 'no bot'}")


def one_of(
    desired: DesiredState, name: str, daemon: Mapping[str, Any] | None = None
) -> DesiredBot | DesiredShared:
    """The bot or shared document of this name. Raises NotFound, PermanentError."""
    try:
        return desired.get_shared(name) if is_shared(name) else desired.get(name)
    except NotFound:
        found = desired.read()
        raise not_there(name, {*found.bots, *found.shared}, daemon) from None


def refuse_unfit(name: str, labels: Mapping[str, str], selector: Selector | None) -> None:
    """Raises NotFound for something that was named beside `-l`, and does not fit."""
    if selector is None or selector.fits(labels):
        return
    own = ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "none"
    raise NotFound(
        f"the labels of {name} ({own}) do not fit {OPTION} {selector.text!r}",
        hint=f"leave {OPTION} out, or name a bot that fits",
        name=name,
    )


class _Refused(NamedTuple):
    """The first fault of a refused file; `own` if it has the bot that is looked for."""

    file: str
    problem: str
    own: bool


def _refused(name: str, daemon: Mapping[str, Any] | None) -> _Refused | None:
    """Why nothing new is imported from the watched folder, if that is so."""
    manifests = (daemon or {}).get("manifests") or {}
    problems = [str(problem) for problem in manifests.get("problems") or ()]
    if not problems or manifests.get("state") == "Imported":
        return None
    first: dict[str, str] = {}
    for problem in problems:
        if match := _PLACE.match(problem):
            first.setdefault(match[1], problem)
    own = (file for file in first if _has(_found(file, manifests), name))
    file = next(own, None)
    if file is not None:
        return _Refused(file, first[file], own=True)
    return _Refused("", problems[0], own=False)


def _found(file: str, manifests: Mapping[str, Any]) -> Path:
    """The file as it is found from here: messages name it as the daemon does."""
    folder, root = str(manifests.get("folder") or ""), str(manifests.get("root") or "")
    if folder and root and (file == folder or file.startswith(f"{folder}/")):
        return Path(root + file.removeprefix(folder))
    return Path(file)


def _has(path: Path, name: str) -> bool:
    """True if the file is named like this, or says that this is its id."""
    short = name.rpartition("/")[2]
    if path.stem == short:
        return True
    try:
        text = read_one(path).text
    except InvalidInput:
        return False
    return any(found == short for found in _ids(text))


def _ids(text: str) -> Iterator[str]:
    for match in re.finditer(r"""\b(?:exact_)?id["']?\s*:\s*["']?([\w.-]+)""", text):
        yield match[1]
