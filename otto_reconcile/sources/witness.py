"""What this data directory knows of where a branch was when it was imported: so it sees it go back.

A branch that is older than what is on record is a clone that lags, or a branch that somebody moved
back. Who has seen branch and record agree, and sees the branch elsewhere now, knows that it moved.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path


class Witness:
    """`states` are those in which branch and record agreed last, or were about to.

    They are kept in a file of the data directory, if there is one. A damaged one counts as none.
    """

    def __init__(self, data_dir: Path | None, name: str) -> None:
        key = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
        self._file = data_dir / "git" / f"{key}.json" if data_dir is not None else None
        self.states = self._read()

    def intend(self, state: str) -> None:
        """Before an import, so that a process that dies after it has seen it all the same."""
        self._keep(tuple(dict.fromkeys([*self.states[:1], state])))

    def agree(self, state: str) -> None:
        """Branch and record are both in this state."""
        self._keep((state,))

    def _keep(self, states: tuple[str, ...]) -> None:
        if states == self.states:
            return
        self.states = states
        if self._file is None:
            return
        with suppress(OSError):  # a full disk costs no more than the memory of a restart
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft = self._file.with_suffix(".new")
            draft.write_text(json.dumps(states), encoding="utf-8")
            draft.replace(self._file)

    def _read(self) -> tuple[str, ...]:
        try:
            found = json.loads(self._file.read_bytes()) if self._file is not None else []
        except (OSError, ValueError, RecursionError):
            return ()
        return tuple(one for one in found if isinstance(one, str)) if type(found) is list else ()
