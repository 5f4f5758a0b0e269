"""Which bots there are, for `service` and for the tools that only look.

What cannot be known while the store is away is said to be unknown, never guessed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otto_reconcile.desired import DesiredBot, DesiredState
from otto_reconcile.errors import OttoError, StoreUnavailable
from otto_reconcile.loop import Loop
from otto_reconcile.model import OTTO, Bot, Resource
from otto_reconcile.otto import bot_names, spec_codec
from otto_reconcile.otto.access import KIND, Access, is_in_a_file, owns, why_not_yours
from otto_reconcile.otto.paging import paged
from otto_reconcile.otto.responses import Reply, fitted, reply
from otto_reconcile.outbox import Outbox
from otto_reconcile.port.base import Port

PAGE = 20
"""Bots on a page of the list."""

AS_READ = "The store cannot be reached: this is how it was when it was last read."
UNREAD = (
    "The store cannot be reached and has not been read since this server started, so it is not "
    "known which bots it keeps."
)


@dataclass(frozen=True, slots=True)
class Known:
    """The bots that are wanted; `doubt` says why that may be old. Not `whole`: more may be kept."""

    bots: dict[str, DesiredBot]
    doubt: str = ""
    whole: bool = True


class Queries:
    def __init__(
        self,
        loop: Loop,
        port: Port,
        desired: DesiredState,
        outbox: Outbox,
        chat_url: Callable[[], str],
        access: Access = Access.OWN,
    ) -> None:
        self._loop, self._port, self._desired, self._outbox = loop, port, desired, outbox
        self._chat_url, self._access = chat_url, access

    def yours(self, wanted: DesiredBot, owner: str) -> bool:
        """True if this customer may see and change the bot."""
        return self._access is Access.ALL or owns(owner, wanted)

    async def known(self) -> Known:
        """What is wanted, newest first asked of the store; without it, as far as is known."""
        await self._loop.save_late()
        doubt, read = "", self._loop.wanted
        try:
            read = (await asyncio.to_thread(self._desired.read)).bots
        except StoreUnavailable:
            doubt = UNREAD if read is None else AS_READ
        bots = dict(read or {})
        for pending in self._outbox.pending:
            if pending.wanted is None:
                bots.pop(pending.bot_id, None)
            else:
                bots[pending.bot_id] = pending.wanted
        return Known(dict(sorted(bots.items())), doubt, whole=read is not None)

    async def list(self, page: int = 1, owner: str = "") -> Reply:
        """The bots with their ids, page by page; Otto is none of them.

        Of those of others the name and id are told, which the chat page shows to everybody.
        """
        known = await self.known()
        if not known.whole:
            return await self._reported(known)
        own = [w for w in known.bots.values() if self.yours(w, owner)]
        others = [w for w in known.bots.values() if not self.yours(w, owner)]
        found = [_listed(w) for w in own] + [_of_another(w) for w in others]
        count = {0: "There are no bots yet.", 1: "There is 1 bot."}
        message = count.get(len(found), f"There are {len(found)} bots.")
        if others:
            whose = {0: "None of them is", 1: "1 of them is"}
            message = f"{message} {whose.get(len(own), f'{len(own)} of them are')} this customer's."
        message = f"{message} {known.doubt}".strip()
        pages = max(1, math.ceil(len(found) / PAGE))
        if not 1 <= page <= pages:
            return reply(False, f"{message} The list has the pages 1 to {pages}.", page=page)
        part = found[(page - 1) * PAGE : page * PAGE]
        more = {"page": page, "pages": pages} if pages > 1 else {}
        return fitted(reply(True, message, bots=part, **more, chat_url=self._chat_url()))

    async def show(self, name: str, page: int = 1, owner: str = "") -> Reply:
        """One bot as a specification, page by page: `update` takes any of it back."""
        known = await self.known()
        wanted, refusal = await self.find(name, known, owner)
        if wanted is None:
            return refusal
        pages = paged(spec_codec.written(wanted.bot))
        if not 1 <= page <= len(pages):
            return reply(False, f"{wanted.bot.name} has the pages 1 to {len(pages)}.", page=page)
        message = f"This is {wanted.bot.name}."
        if len(pages) > 1:
            message = f"This is page {page} of {len(pages)} of {wanted.bot.name}."
        return fitted(
            reply(
                True,
                f"{message} {known.doubt}".strip(),
                bot_id=wanted.bot.id,
                revision=wanted.revision,
                made_in=_origin(wanted),
                suspended=wanted.bot.suspension is not None,
                page=page,
                pages=len(pages),
                specification=pages[page - 1],
                chat_url=self._chat_url(),
            )
        )

    async def find(self, name: str, known: Known, owner: str) -> tuple[DesiredBot | None, Reply]:
        """The bot of this id or name, if the customer may see it; else what can be said of it."""
        own = {i: w for i, w in known.bots.items() if self.yours(w, owner)}
        wanted, refusal = bot_names.found(name, known.bots, own)
        if refusal.get("problem") == "unknown" and not known.whole:
            return None, await self._unsure(name)
        if wanted is not None and wanted.bot.id not in own:
            message = why_not_yours(wanted)
            return None, reply(False, message, problem="not_yours", bot_id=wanted.bot.id)
        return wanted, refusal

    async def changeable(
        self, name: str, known: Known, owner: str
    ) -> tuple[DesiredBot | None, Reply]:
        """The bot, if this customer may change it."""
        wanted, refusal = await self.find(name, known, owner)
        if wanted is not None and is_in_a_file(wanted.source):
            file = wanted.source.path or wanted.source.root
            return None, reply(
                False,
                f"{wanted.bot.name} is kept in the file {file} and is changed there, not here: "
                "the next import of the file would undo it.",
                bot_id=wanted.bot.id,
            )
        return wanted, refusal

    async def foreign(self, bot: Bot, known: Known) -> Reply | None:
        """A question if Parlant has an agent of this name or id that is not known to be ours."""
        for agent in await self._agents() or ():
            if agent.ref.key in known.bots or not bot_names.same(bot, agent.ref.key, _name(agent)):
                continue
            what = "that is not kept here." if known.whole else f"of that name. {UNREAD}"
            return bot_names.question(f"Parlant has an agent {agent.ref.key!r} already {what}")
        return None

    async def _agents(self) -> Sequence[Resource] | None:
        """All agents but Otto; None if Parlant cannot be asked, which the loop tells of."""
        try:
            agents = await self._port.list_agents()
        except OttoError:
            return None
        return [agent for agent in agents if agent.ref.key != OTTO]

    async def _reported(self, known: Known) -> Reply:
        """Without the store: the agents of Parlant, and what waits to be saved."""
        agents = await self._agents()
        there = {agent.ref.key: _name(agent) for agent in agents or ()}
        there |= {bot_id: wanted.bot.name for bot_id, wanted in known.bots.items()}
        found = [
            {"bot_id": bot_id, "name": name, "saved": False if bot_id in known.bots else "unknown"}
            for bot_id, name in sorted(there.items())
        ]
        told = "These are Parlant's agents, and what waits to be saved."
        if agents is None:
            told = "Parlant cannot be asked either."
        message = f"{UNREAD} {told}"
        return fitted(
            reply(False, message, problem="unsure", bots=found, chat_url=self._chat_url())
        )

    async def _unsure(self, name: str) -> Reply:
        agents = await self._agents()
        fitting = [a for a in agents or () if bot_names.is_called(name, a.ref.key, _name(a))]
        told = f"Parlant has no agent {name!r} now."
        if agents is None:
            told = "Parlant cannot be asked either."
        elif fitting:
            told = f"Parlant has the agent {fitting[0].ref.key!r} of that name now."
        return reply(False, f"{UNREAD} {told}", problem="unsure")


def _listed(wanted: DesiredBot) -> dict[str, object]:
    return {
        **_of_another(wanted),
        "guidelines": len(wanted.bot.guidelines),
        "journeys": len(wanted.bot.journeys),
        "made_in": _origin(wanted),
    }


def _of_another(wanted: DesiredBot) -> dict[str, object]:
    return {"bot_id": wanted.bot.id, "name": wanted.bot.name}


def _name(agent: Resource) -> str:
    return str(agent.spec.get("name", ""))


def _origin(wanted: DesiredBot) -> str:
    source = wanted.source
    return "a chat with Otto" if source.kind == KIND else source.path or source.kind
