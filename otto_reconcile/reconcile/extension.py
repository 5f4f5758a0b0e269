"""What goes along with a target's loop and is no part of converging, such as evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from otto_reconcile.reconcile.results import BotResult


class Extension(Protocol):
    """Built on the same session as the loop, which calls it; it calls the loop never."""

    name: str
    """That of its background job, in the log and in the status."""

    async def begin_epoch(self) -> None:
        """A target begins a new life, and nothing is made on it yet. Raises no OttoError."""
        ...

    def after_look(self, result: BotResult, *, recreated: bool) -> None:
        """A look at a bot came to this, and the bot's status is set.

        `recreated` says that the look was asked for by `TargetSession.recreate`.
        """
        ...

    async def before_serving(self) -> None:
        """All that has to be done before the first customer comes."""
        ...

    async def run(self, went_well: Callable[[], None]) -> None:
        """Its job, which never ends; `went_well` is called after each step."""
        ...

    def wake(self) -> None:
        """Asks for a step at once."""
        ...
