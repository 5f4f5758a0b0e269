"""What the status says of one branch, and what the log says of it when that changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.runtime.clock import Clock

SHOWN = 20
"""So many problems are logged one by one."""


class BranchStatus:
    """One entry of `Status.git`: state, problems and time, and what else is `known` of the branch.

    `state` is Imported, Refused, Behind, Missing, Unreachable, Fetching or Failed; "" at first.
    """

    def __init__(self, name: str, known: Mapping[str, Any], reporter: Reporter, clock: Clock):
        self.name, self._reporter, self._clock = name, reporter, clock
        self._said: dict[str, Any] = {"name": name, **known}

    @property
    def state(self) -> str:
        return str(self._said.get("state", ""))

    @property
    def refused(self) -> Mapping[str, str] | None:
        """The commit that is refused now."""
        return self._said.get("refused") if self.state == "Refused" else None

    @property
    def in_force(self) -> Mapping[str, str] | None:
        """The commit that was imported last."""
        return self._said.get("commit")

    def recall(self, commit: Mapping[str, str]) -> None:
        """The commit that is in force since before this process started."""
        self._said = {**self._said, "commit": commit}

    def say(
        self,
        state: str,
        problems: Sequence[str] = (),
        *,
        quietly: bool = False,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Problems that were not there before are logged, unless `quietly`."""
        before, problems = self._said, list(problems)
        if not quietly and problems != before.get("problems", []):
            for problem in problems[:SHOWN]:
                self._reporter.warn(problem)
        same = not more and (before.get("state"), before.get("problems")) == (state, problems)
        now = self._clock.now().isoformat(timespec="seconds")
        time = before.get("time") if same else now
        changed = {"state": state, "problems": problems, "time": time}
        self._said = {**before, **changed, **(more or {})}
        board = self._reporter.board
        board.status.git = {**board.status.git, self.name: self._said}

    def rename(self, branch: str | None) -> None:
        """The branch has another name now; the rest is as it was."""
        self.say(self.state, self._said.get("problems", ()), more={"branch": branch})
