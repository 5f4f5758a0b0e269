"""`.ottoignore`: what of a folder is no manifest, said as `.gitignore` says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest.reading import decoded, name_of, read_bytes

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

NAME = ".ottoignore"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that hold in a folder: its own and those of the folders above it, lowest first."""

    layers: tuple[tuple[Path, GitIgnoreSpec], ...] = ()

    def below(self, folder: Path, problems: list[Problem]) -> Rules:
        """With those of the folder's own file, if it has one; what is wrong goes to `problems`."""
        path = folder / NAME
        try:
            text = (
                decoded(name_of(path), read_bytes(path))
                if path.is_symlink() or path.exists()
                else ""
            )
        except InvalidInput as error:
            problems += error.problems
            text = ""
        except OSError:  # the folder itself cannot be read, which is reported where it is listed
            text = ""
        return Rules(((folder, _spec(path, text, problems)), *self.layers)) if text else self

    def leave_out(self, path: Path, *, folder: bool) -> bool:
        """True if the nearest rule that speaks of this file or folder says so."""
        for above, spec in self.layers:
            name = path.relative_to(above).as_posix() + ("/" if folder else "")
            said = spec.check_file(name).include
            if said is not None:
                return said
        return False


def _spec(path: Path, text: str, problems: list[Problem]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # which few folders need

    lines = text.replace("\r\n", "\n").split("\n")
    try:
        return GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error):
        good = [
            line for number, line in enumerate(lines, 1) if _is_rule(path, number, line, problems)
        ]
        return GitIgnoreSpec.from_lines(good)


def _is_rule(path: Path, number: int, line: str, problems: list[Problem]) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        message, hint = "this is no pattern of files", "write it as in a .gitignore"
        problems.append(Problem(name_of(path), number, 1, message, hint))
        return False
    return True
