"""Which tools of services are not there, though the bots that name them are:

Nothing of such a bot differs, so no plan would say it.
"""

from __future__ import annotations

from collections.abc import Mapping

from otto_reconcile.desired import DesiredBot
from otto_reconcile.model.part import HOSTED
from otto_reconcile.model.shared import tools_named
from otto_reconcile.port.base import Port
from otto_reconcile.port.tools import not_there


class MissingTools:
    """Kept as of the last time that the services were asked."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._by_bot: dict[str, str] = {}
        self._missing: Mapping[str, str] = {}

    async def ask(self, bots: Mapping[str, DesiredBot]) -> tuple[set[str], list[str]]:
        """Asks for all that these bots name.

        Gives the services of tools that are there again, and the bots of which it knows otherwise
        now. Raises TargetUnavailable or TargetRefused, and then knows what it knew.
        """
        named = {bot_id: _of_services(wanted) for bot_id, wanted in bots.items()}
        tools = frozenset[str]().union(*named.values())
        missing = await self._port.lacking(tools) if tools else {}
        back = {_service(tool) for tool in (self._missing.keys() & tools) - missing.keys()}
        before, self._missing = self._by_bot, missing
        self._by_bot = {
            bot_id: not_there(missing[tool] for tool in lost).message
            for bot_id, of_bot in named.items()
            if (lost := of_bot & missing.keys())
        }
        return back, [bot_id for bot_id in bots if before.get(bot_id) != self.of(bot_id)]

    def of(self, bot_id: str) -> str | None:
        """What this bot lacks, in words; None if nothing."""
        return self._by_bot.get(bot_id)


def _of_services(wanted: DesiredBot) -> frozenset[str]:
    """Without those that are hosted with the server: they come and go with it."""
    return frozenset(t for t in tools_named(wanted.bot) if _service(t) not in HOSTED)


def _service(tool: str) -> str:
    return tool.partition(":")[0]
