"""Questions to Git about what it has stored, never about the state of the work tree.

Nothing here takes its lock, runs a hook, a filter or a file system monitor of the repository, or
fetches anything.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TIMEOUT = 5.0
"""Seconds that one question to Git may take."""
PATIENCE = 60.0
"""Seconds for a question about the content of a whole commit."""
_KEPT = ("GIT_CONFIG", "GIT_CEILING_DIRECTORIES")
_FILES = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")
"""Paths among these; Git is started elsewhere than we are."""
_OPTIONS = (
    "--no-optional-locks",
    "--no-pager",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never",  # a partial clone would fetch what it lacks
)  # fmt: skip


def is_ancestor(top: str, older: str, newer: str) -> bool | None:
    """True if the first commit comes before the second; None if the clone does not know both."""
    if not all(is_hash(commit) for commit in (older, newer)):
        return None
    folder = Path(top)
    for commit in (older, newer):
        if git(folder, "cat-file", "-e", f"{commit}^{{commit}}") is None:
            return None
    try:
        ask(folder, "merge-base", "--is-ancestor", older, newer)
    except GitRefused as refused:
        return None if str(refused) else False  # it says nothing where the answer is no
    return True


def is_hash(text: str) -> bool:
    return len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)


def environ() -> dict[str, str]:
    """Ours without what would lead Git elsewhere: it is set in hooks, and in others' scripts."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GIT_") or n.startswith(_KEPT)}
    kept |= {n: os.path.abspath(kept[n]) for n in _FILES if kept.get(n)}
    fixed = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    return {**kept, **fixed, "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}


def git(folder: Path, *arguments: str) -> bytes | None:
    """What Git says; None if it refuses, is not there, or takes too long."""
    try:
        return ask(folder, *arguments, timeout=TIMEOUT)
    except GitRefused:
        return None


class GitRefused(Exception):
    """What Git said on its error output, on one line; `missing` if there is no Git at all."""

    def __init__(self, said: str, *, missing: bool = False) -> None:
        super().__init__(said)
        self.missing = missing


def ask(folder: Path, *arguments: str, given: bytes = b"", timeout: float = PATIENCE) -> bytes:
    """What Git says to this, with `given` as its input. Raises GitRefused."""
    command = ("-C", str(folder), *_OPTIONS, *arguments)
    return run(command, environ(), given=given, timeout=timeout)


def run(
    arguments: Sequence[str],
    env: Mapping[str, str],
    *,
    given: bytes = b"",
    timeout: float | None = None,
) -> bytes:
    """The output of Git with exactly these arguments and variables. Raises GitRefused.

    Without a `timeout`, in seconds, it may take as long as a person who is asked for a passphrase.
    """
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            input=given,
            timeout=timeout,
            check=False,
            env=env,
        )
    except FileNotFoundError:
        raise GitRefused("the command git is not installed", missing=True) from None
    except subprocess.TimeoutExpired:
        raise GitRefused(f"git gave no answer within {timeout:g} s") from None
    except (OSError, ValueError) as error:
        raise GitRefused(str(error)) from None
    if done.returncode:
        raise GitRefused(" ".join(done.stderr.decode("utf-8", "replace").split()))
    return done.stdout
