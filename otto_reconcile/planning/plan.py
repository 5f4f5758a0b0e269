"""Plan, Action, Outcome: what is to be done and what became of it. Data only; nothing acts here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from otto_reconcile.model import JSON, Ref, Resource

NEEDS = "it needs "
"""How the reason begins for what is held back only because something else is."""


class Operation(StrEnum):
    """What an action does to one resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"  # delete, then create under the same id
    DELETE = "delete"
    FORGET = "forget"  # no call: it was ours, and is gone on both sides
    REPORT = "report"  # no call: it is not ours


class Cause(StrEnum):
    """Why there is a difference."""

    PENDING_CHANGE = "PendingChange"  # the desired side moved
    DRIFTED = "Drifted"  # the target moved
    RESTARTED = "Restarted"  # the target began a new life
    UNMANAGED = "Unmanaged"  # it was never ours
    EVALUATED = "Evaluated"  # nothing differs: what a model evaluated of it is to be put on it


@dataclass(frozen=True, slots=True)
class Change:
    """One field: what the target has and what it is to have. None is "nothing there".

    Of a MAPPING field `before` and `after` hold the keys that differ, and no others; a key that
    is None in `after` is to be taken away.
    """

    field: str
    before: JSON
    after: JSON
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One step. `skipped` says why it is not to be done; None means that it is.

    `desired` is None for deletions, `observed` for creations. `needs` are the Refs of actions of
    the same plan that must have succeeded (or not be there) before this one may be tried.
    """

    operation: Operation
    ref: Ref
    bot_id: str
    cause: Cause
    changes: tuple[Change, ...] = ()
    desired: Resource | None = None
    observed: Resource | None = None
    needs: frozenset[Ref] = frozenset()
    skipped: str | None = None
    why: str | None = None  # e.g. why an update has to be a replace
    claimed: bool = True  # of a creation: what is there under its id is from an earlier try of ours
    label: str | None = None  # in place of the key where that must not be shown

    @property
    def shown_key(self) -> str:
        """The key as anybody may see it."""
        return self.ref.key if self.label is None else self.label

    @property
    def acts(self) -> bool:
        """True if doing it changes the target."""
        silent = self.operation in (Operation.FORGET, Operation.REPORT)
        return self.skipped is None and not silent


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be done, and all that was decided against, in the order of doing."""

    actions: tuple[Action, ...] = ()

    def __iter__(self) -> Iterator[Action]:
        return iter(self.actions)

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def acting(self) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.acts)

    @property
    def skipped(self) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.skipped is not None)

    @property
    def in_sync(self) -> bool:
        """True if nothing differs, held back or not. Unmanaged things do not count."""
        return not any(
            action.operation not in (Operation.FORGET, Operation.REPORT) for action in self.actions
        )

    def summary(self) -> Mapping[str, int]:
        """Counts by operation of what acts, and of `skipped` and `unmanaged`."""
        counts = Counter(str(action.operation) for action in self.acting)
        counts["skipped"] = len(self.skipped)
        counts["unmanaged"] = sum(a.operation is Operation.REPORT for a in self.actions)
        return counts


class Result(StrEnum):
    """What became of an action."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"  # the process ended between the call and its record


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action. `temporary` failures are worth trying again as they are."""

    action: Action
    result: Result
    error: str | None = None
    temporary: bool = False
    there: bool = False  # though it failed: what needs it may go on
    gone: bool = False  # the target did not answer at all any more
    delay: float = 0.0  # seconds that the target asked us to wait
    duration: float = 0.0  # seconds
    made: Resource | None = field(default=None, compare=False)  # as read back, with its remote id
    foreign: bool = False  # it failed since what is there under its id was never ours
