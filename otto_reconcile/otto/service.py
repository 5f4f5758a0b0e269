"""Behind Otto's tools: makes, changes and deletes bots, through the usual plan and apply.

Every write is wanted first (outbox, then store) and then brought to Parlant by the loop, whose
outcome is the reply. While the store is away the bot is made all the same, and saved later.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from otto_reconcile.desired import DesiredBot, DesiredState, Source
from otto_reconcile.errors import InvalidInput
from otto_reconcile.loop import Loop
from otto_reconcile.model import Bot, folded
from otto_reconcile.otto import bot_names, patch, spec_codec
from otto_reconcile.otto.access import GUEST, KIND, Access, owner_of
from otto_reconcile.otto.confirmation import Consent, creation, deletion
from otto_reconcile.otto.queries import Known, Queries
from otto_reconcile.otto.responses import (
    Reply,
    fitted,
    invalid,
    live,
    not_possible,
    proposed,
    reply,
)
from otto_reconcile.otto.summary import unserved
from otto_reconcile.otto.writer import Writer
from otto_reconcile.outbox import Kept, Outbox
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.records.events import now_utc

NOT_SAVED = "It is not saved yet: the store does not answer. It will be saved as soon as it does."
UNCHECKED = (
    "The store could not be asked whether it has a bot of this name already. If it has, that one "
    "stays, and what was said here is kept in a file that the operator is told of."
)
IN_MEMORY = "Nothing is kept on disk here: every bot lives until this server stops."
LATER = "It is wanted so, and it will be tried again until it works."
SHOW_FIRST = (
    "Nothing is done yet: this has to be shown to the customer first. Show it, and ask for a yes. "
    "Only the customer's next message can be the yes."
)


class OttoService:
    """One to a daemon. What goes wrong is in the Reply.

    `session` is the chat's, `turn` what the customer wrote since Otto spoke last, `customer`
    Parlant's id of the person who writes; `access` says whose bots are changed. A method that
    changes raises StoreUnavailable where what is wanted cannot be noted in the outbox; then
    nothing was done.
    """

    def __init__(
        self,
        loop: Loop,
        port: Port,
        desired: DesiredState,
        outbox: Outbox,
        chat_url: Callable[[], str],
        *,
        access: Access = Access.OWN,
        ephemeral: bool = False,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self._loop, self._writer = loop, Writer(loop, desired, outbox, now)
        self._chat_url, self._ephemeral = chat_url, ephemeral
        self.catalogue = Queries(loop, port, desired, outbox, chat_url, access)
        self._turn = asyncio.Lock()  # two customers never decide on a name at the same time
        self._consent = Consent()
        self._warned: set[str] = set()  # the chats that know that nothing is kept

    async def validate(
        self, spec: object, name: str, session: str, turn: str, customer: str = GUEST
    ) -> Reply:
        """Checks a new bot, or with the `name` of one that is there a change to it.

        What is valid counts as shown in this turn: the customer's next message may agree to it.
        """
        wanted, source = None, self._source(session, customer)
        known = await self.catalogue.known()
        if name:
            wanted, refusal = await self.catalogue.changeable(name, known, _owner(source))
            if wanted is None:
                return refusal
        bot, refusal = self._read(spec, wanted.bot if wanted is not None else None, session)
        if bot is None:
            return refusal
        if taken := await self._taken(bot, known, wanted, source):
            return taken
        self._consent.ask(session, turn, creation(bot), spec)
        return proposed(True, "The specification is valid.", bot, wanted)

    async def create(self, spec: object, session: str, turn: str, customer: str = GUEST) -> Reply:
        """A new bot; a name or id that is taken gets a question instead."""
        bot, refusal = self._read(spec, None, session)
        if bot is None:
            return refusal
        source = self._source(session, customer)
        async with self._turn:
            known = await self.catalogue.known()
            kept = await self._keep_agreed(bot, spec, source, turn, known, None)
        if not isinstance(kept, Kept):
            return kept
        if kept.refused is not None:
            return await self._refused(f"It was not made: {kept.refused}.", bot, source)
        self._consent.close(session)
        result = await self._writer.bring(bot.id, bot, source, kept)
        message = f"The bot {bot.name} is live." if live(result) else f"{bot.name} is not live yet."
        unchecked = [] if known.whole else [UNCHECKED]
        extra = [*unchecked, *self._once(session)]
        return self._told(bot, message, kept, result, source, extra)

    async def update(
        self, name: str, spec: object, session: str, turn: str, customer: str = GUEST
    ) -> Reply:
        """A change to a bot, named by id or name; what it leaves out stays. See `patch`."""
        source = self._source(session, customer)
        async with self._turn:
            known = await self.catalogue.known()
            wanted, refusal = await self.catalogue.changeable(name, known, _owner(source))
            if wanted is None:
                return refusal
            bot, refusal = self._read(spec, wanted.bot, session)
            if bot is None:
                return refusal
            source = replace(source, owner=wanted.source.owner)  # whoever changes it
            kept = await self._keep_agreed(bot, spec, source, turn, known, wanted)
        if not isinstance(kept, Kept):
            return kept
        if kept.refused is not None:
            return _stays(f"It was not changed: {kept.refused}.")
        self._consent.close(session)
        result = await self._writer.bring(bot.id, bot, source, kept)
        failed = not_possible(result)
        message = f"{bot.name} is changed." if not failed else f"{bot.name} is changed in part."
        return self._told(bot, message, kept, result, source, self._once(session))

    async def delete(
        self, name: str, confirmed: str, session: str, turn: str, customer: str = GUEST
    ) -> Reply:
        """Deletes only what was asked back in an earlier `turn`, when its name is repeated."""
        source = self._source(session, customer)
        async with self._turn:
            known = await self.catalogue.known()
            wanted, refusal = await self.catalogue.changeable(name, known, _owner(source))
            if wanted is None:
                return refusal
            bot = wanted.bot
            asked = self._consent.answered(session, turn, deletion(bot))
            if not asked or folded(confirmed) != folded(bot.name):
                self._consent.ask(session, turn, deletion(bot))
                return bot_names.ask_back(bot)
            kept = await self._writer.keep(bot.id, None, wanted.revision, source, known)
        if kept.refused is not None:
            return _stays(f"It was not deleted: {kept.refused}.")
        self._consent.close(session)
        result = await self._writer.bring(bot.id, None, source, kept)
        failed = not_possible(result)
        message = f"The bot {bot.name} is deleted, with all that belonged to it."
        if failed:
            message = f"{bot.name} is wanted no longer, but not all of it is gone. {LATER}"
        return reply(
            True, _with(message, kept), bot_id=bot.id, saved=kept.saved, not_possible=failed
        )

    def _source(self, session: str, customer: str) -> Source:
        return Source(KIND, session=session, owner=owner_of(session, customer))

    # Asking.

    def _read(self, spec: object, known: Bot | None, session: str) -> tuple[Bot | None, Reply]:
        """The new bot, or `known` after the change; else what is wrong with it."""
        try:
            text = self._consent.text(session, spec)
            bot = spec_codec.read(text) if known is None else patch.changed(known, text)
        except InvalidInput as error:
            return None, fitted(invalid(error))
        refusal = bot_names.reserved(bot)
        return (None, refusal) if refusal else (bot, {})

    async def _taken(
        self, bot: Bot, known: Known, wanted: DesiredBot | None, source: Source
    ) -> Reply | None:
        """A question if somebody else has the name or id; whoever keeps a name is not asked."""
        if wanted is not None and folded(bot.name) == folded(wanted.bot.name):
            return None
        others = {i: w for i, w in known.bots.items() if wanted is None or i != bot.id}
        yours = functools.partial(self.catalogue.yours, owner=_owner(source))
        taken = bot_names.taken(bot, others, yours)
        return taken or await self.catalogue.foreign(bot, known)

    def _agreed(self, bot: Bot, spec: object, session: str, turn: str) -> bool:
        """True if the customer was shown exactly this and has answered; else it is shown now."""
        if self._consent.answered(session, turn, creation(bot)):
            return True
        self._consent.ask(session, turn, creation(bot), spec)
        return False

    def _once(self, session: str) -> list[str]:
        """What a chat has to be told once, with the first result that matters."""
        if not self._ephemeral or session in self._warned:
            return []
        self._warned.add(session)
        return [IN_MEMORY]

    # Wanting.

    async def _keep_agreed(
        self,
        bot: Bot,
        spec: object,
        source: Source,
        turn: str,
        known: Known,
        wanted: DesiredBot | None,
    ) -> Kept | Reply:
        """Keeps what was agreed to; else gives what has to be asked or shown first."""
        if (kept := self._writer.kept_already(bot, known, source)) is not None:
            return kept
        if taken := await self._taken(bot, known, wanted, source):
            return taken
        if not self._agreed(bot, spec, source.session or "", turn):
            return proposed(False, SHOW_FIRST, bot, wanted)
        revision = 0 if wanted is None else wanted.revision
        return await self._writer.keep(bot.id, bot, revision, source, known)

    async def _refused(self, message: str, bot: Bot, source: Source) -> Reply:
        """A question where it was the name that somebody else took; else the reason alone."""
        taken = await self._taken(bot, await self.catalogue.known(), None, source)
        return {**taken, "message": message} if taken else _stays(message)

    def _namesake(self, bot: Bot, kept: Kept, source: Source) -> list[str]:
        """Another daemon on the same store may have been asked for the name at the same time."""
        others = {i: w for i, w in (self._loop.wanted or {}).items() if i != bot.id}
        yours = functools.partial(self.catalogue.yours, owner=_owner(source))
        found = bot_names.taken(bot, others, yours) if kept.saved else None
        return [f"But {found['message']} {found['question']}"] if found else []

    def _told(
        self,
        bot: Bot,
        message: str,
        kept: Kept,
        result: BotResult,
        source: Source,
        extra: Iterable[str],
    ) -> Reply:
        failed = not_possible(result)
        later = [LATER] if failed else []
        sentences = [message, *later, *self._namesake(bot, kept, source), *extra]
        failed += unserved(bot)
        if bot.suspension is not None:
            sentences.append("It is suspended: Parlant keeps it as it was until it is resumed.")
        return fitted(
            reply(
                True,
                _with(" ".join(sentences), kept),
                bot_id=bot.id,
                name=bot.name,
                live=live(result),
                saved=kept.saved,
                guidelines=len(bot.guidelines),
                journeys=len(bot.journeys),
                not_possible=failed,
                chat_url=self._chat_url(),
                chat=f"Open the page, start a new conversation and choose {bot.name}.",
            )
        )


def _owner(source: Source) -> str:
    return source.owner or ""


def _with(message: str, kept: Kept) -> str:
    return message if kept.saved else f"{message} {NOT_SAVED}"


def _stays(message: str) -> Reply:
    """Nothing was done."""
    return reply(False, message, problem="refused")
