"""Every error that this package raises, as one tree; each layer raises only these.

OttoError
├── SettingsError             an option or environment variable is wrong
├── InvalidInput              a manifest or specification is wrong; carries its Problems
├── TemporaryError            the same call may succeed later; carries `delay`
│   ├── StoreUnavailable      the desired state cannot be read or written now
│   ├── TargetUnavailable     Parlant cannot be reached, hangs, or says 429 or 5xx
│   └── ModelUnavailable      the language model service cannot be had now
├── PermanentError            the same call will fail again until something changes
│   ├── TargetRefused         Parlant answered 4xx
│   │   └── Incomplete        it is there, but for what the message names
│   ├── NotApplied            Parlant said yes, and the value read back is another
│   ├── Conflict              another writer recorded this revision first
│   └── NotFound              no such bot, revision or run
└── Guarded                   refused for safety until it is allowed by name
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).parent


class OttoError(Exception):
    """Base of all errors here; `str(error)` is a sentence fit for a person."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def with_hint(self) -> str:
        """What is wrong and what to do, in one line."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class SettingsError(OttoError):
    """An option or environment variable has a value that cannot be used."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in a text: where it is (1-based line and column), what it is, what to do."""

    file: str
    line: int
    column: int
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class InvalidInput(OttoError):
    """A manifest or specification was refused as a whole; `problems` has every fault."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class TemporaryError(OttoError):
    """Worth trying again; `delay` is the least wait in seconds that the other side asked for."""

    def __init__(self, message: str, *, delay: float = 0.0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.delay = delay


class StoreUnavailable(TemporaryError):
    """The store of the desired state did not answer."""


class TargetUnavailable(TemporaryError):
    """Parlant did not answer, or answered that it cannot now (429, 5xx)."""


class ModelUnavailable(TemporaryError):
    """The language model service could not be made, or did not answer."""


class PermanentError(OttoError):
    """Will fail in the same way until the input or the target changes."""


class TargetRefused(PermanentError):
    """Parlant refused the call; `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Incomplete(TargetRefused):
    """It was made or changed, but for what the message names; what needs it may go on."""


class NotOurs(PermanentError):
    """It is on the target already, otherwise than it is wanted, and was never made by us."""


class NotApplied(PermanentError):
    """The call was accepted, but the value read back is not the one written."""


class Conflict(PermanentError):
    """Another writer was first; read again, then decide again."""


class NotFound(PermanentError):
    """What was named does not exist; `name` is the name of the bot or shared document, if known."""

    def __init__(self, message: str, *, hint: str | None = None, name: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name


class Guarded(OttoError):
    """Refused for safety; `names` are what has to be allowed by name."""

    def __init__(self, message: str, *, names: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.names = tuple(names)

    @property
    def sentence(self) -> str:
        """What was refused, and what to do if it is meant."""
        return f"{self.message}; {self.hint}"


def fault_of(error: BaseException) -> str:
    """The type of an unforeseen error and its place, such as `TypeError at otto_reconcile/x.py:9`.

    Never its text, which may hold a secret.
    """
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    name = type(error).__name__
    if not frames:
        return name
    last = (ours or frames)[-1]
    file = Path(last.filename)
    return f"{name} at {file.relative_to(_PACKAGE.parent) if ours else file.name}:{last.lineno}"


def reason_of(error: BaseException) -> str:
    """What may be said of any error: the sentence of one of ours, else its type and place."""
    return error.message if isinstance(error, OttoError) else fault_of(error)
