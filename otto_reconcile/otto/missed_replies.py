"""What was done in a chat whose customer wrote on before hearing of it. For the tools.

Parlant gives up a turn when the customer writes again, in the middle of a tool too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from otto_reconcile.otto.responses import Reply

_LONGEST = 500


class MissedReplies:
    """Of each chat, what nobody has heard yet; one to a daemon."""

    def __init__(self) -> None:
        self._untold: dict[str, list[str]] = {}

    async def finish(self, session: str, work: Coroutine[Any, Any, Reply]) -> Reply:
        """What the work answers, with what was not heard of before it as `meanwhile`.

        The work goes on to its end when the turn is given up.
        """
        task = asyncio.ensure_future(work)
        try:
            reply = await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(partial(self._note, session))
            raise
        before = [text for text in self._untold.pop(session, ()) if text != reply["message"]]
        return {**reply, "meanwhile": before} if before else reply

    def _note(self, session: str, task: asyncio.Task[Reply]) -> None:
        if not task.cancelled() and task.exception() is None:
            text = str(task.result()["message"])[:_LONGEST]
            self._untold.setdefault(session, []).append(text)
