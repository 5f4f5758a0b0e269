"""The workshop: makes, changes and deletes bots for Otto's tools, through the usual plan and apply.

Every write is wanted first (journal, then store) and then brought to Parlant by the loop, whose
outcome is the reply. While the store is away the bot is made all the same, and saved later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from otto_reconcile.desired import DesiredState, Source, Wanted
from otto_reconcile.errors import InvalidInput, OttoError, StoreUnavailable
from otto_reconcile.events import now_utc
from otto_reconcile.journal import Journal, Kept, Pending
from otto_reconcile.loop import Loop
from otto_reconcile.otto import naming, specs
from otto_reconcile.otto.replies import Reply, fitted, invalid, live, not_possible, reply
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile.reconciler import BotResult
from otto_reconcile.resources import OTTO, Bot, folded

KIND = "otto"
"""The kind of source of what was wanted in a chat; `session` is the chat's."""
ACTOR = "otto (chat)"

NOT_SAVED = "It is not saved yet: the store does not answer. It will be saved as soon as it does."
IN_MEMORY = "Nothing is kept on disk here: the bot lives until this server stops."
LATER = "It is wanted so, and it will be tried again until it works."


class Workshop:
    """One to a daemon. What goes wrong is in the Reply.

    A method that changes raises StoreUnavailable where a wish cannot even be noted in the journal;
    nothing was done then.
    """

    def __init__(
        self,
        loop: Loop,
        port: Port,
        desired: DesiredState,
        journal: Journal,
        chat_url: Callable[[], str],
        *,
        ephemeral: bool = False,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self._loop, self._port, self._desired, self._journal = loop, port, desired, journal
        self._chat_url, self._ephemeral, self._now = chat_url, ephemeral, now
        self._turn = asyncio.Lock()  # two customers never decide on a name at the same time
        self._asked: dict[tuple[str, str], str] = {}

    async def validate(self, spec: object) -> Reply:
        """Checks only. Gives the ids that the bot and its parts would have."""
        try:
            bot = specs.read(spec)
        except InvalidInput as error:
            return fitted(invalid(error))
        if refusal := naming.reserved(bot):
            return refusal
        parts = {"guidelines": len(bot.guidelines), "journeys": len(bot.journeys)}
        return reply(True, "The specification is valid.", bot_id=bot.id, name=bot.name, **parts)

    async def create(self, spec: object, session: str) -> Reply:
        """A new bot; a name or id that is taken gets a question instead."""
        try:
            bot = specs.read(spec)
        except InvalidInput as error:
            return fitted(invalid(error))
        if refusal := naming.reserved(bot):
            return refusal
        async with self._turn:
            known = await self._known()
            if question := naming.taken(bot, known) or await self._foreign(bot, known):
                return question
            kept = await self._keep(bot.id, bot, 0, session)
        if kept.refused is not None:
            return naming.question(f"It was not made: {kept.refused}.")
        result = await self._bring(bot.id, bot, session, kept)
        message = f"The bot {bot.name} is live." if live(result) else f"{bot.name} is not live yet."
        extra = [IN_MEMORY] if self._ephemeral else []
        return self._told(bot, message, kept, result, extra)

    async def update(self, name: str, spec: object, session: str) -> Reply:
        """A new version of a bot, named by id or name."""
        async with self._turn:
            known = await self._known()
            wanted, refusal = self._changeable(name, known)
            if wanted is None:
                return refusal
            try:
                new = specs.read(spec, bot_id=wanted.bot.id)
                bot = specs.merged(
                    wanted.bot, new, with_relationships=specs.has_relationships(spec)
                )
            except InvalidInput as error:
                return fitted(invalid(error))
            others = {i: w for i, w in known.items() if i != bot.id}
            if refused := naming.reserved(bot) or naming.taken(bot, others):
                return refused
            kept = await self._keep(bot.id, bot, wanted.revision, session)
        if kept.refused is not None:
            return naming.question(f"It was not changed: {kept.refused}.")
        result = await self._bring(bot.id, bot, session, kept)
        failed = not_possible(result)
        message = f"{bot.name} is changed." if not failed else f"{bot.name} is changed in part."
        return self._told(bot, message, kept, result, [])

    async def delete(self, name: str, confirmed: str, session: str, turn: str) -> Reply:
        """Deletes only what was asked back in an earlier `turn`, when its name is repeated."""
        async with self._turn:
            known = await self._known()
            wanted, refusal = self._changeable(name, known)
            if wanted is None:
                return refusal
            bot = wanted.bot
            asked = self._asked.get((session, bot.id))
            if asked in (None, turn) or folded(confirmed) != folded(bot.name):
                self._asked.setdefault((session, bot.id), turn)
                return naming.ask_back(bot)
            kept = await self._keep(bot.id, None, wanted.revision, session)
        if kept.refused is not None:
            return naming.question(f"It was not deleted: {kept.refused}.")
        del self._asked[session, bot.id]
        result = await self._bring(bot.id, None, session, kept)
        failed = not_possible(result)
        message = f"The bot {bot.name} is deleted, with all that belonged to it."
        if failed:
            message = f"{bot.name} is wanted no longer, but not all of it is gone. {LATER}"
        return reply(
            True, _with(message, kept), bot_id=bot.id, saved=kept.saved, not_possible=failed
        )

    async def bots(self) -> Reply:
        """Every bot with its id; Otto is none of them."""
        known = await self._known()
        found = [
            {
                "bot_id": w.bot.id,
                "name": w.bot.name,
                "guidelines": len(w.bot.guidelines),
                "journeys": len(w.bot.journeys),
                "made_in": _origin(w),
            }
            for w in known.values()
        ]
        count = {0: "There are no bots yet.", 1: "There is 1 bot."}
        message = count.get(len(found), f"There are {len(found)} bots.")
        return fitted(reply(True, message, bots=found, chat_url=self._chat_url()))

    async def show(self, name: str) -> Reply:
        """One bot as a specification, which `update` takes back."""
        known = await self._known()
        wanted, refusal = naming.found(name, known)
        if wanted is None:
            return refusal
        return fitted(
            reply(
                True,
                f"This is {wanted.bot.name}.",
                bot_id=wanted.bot.id,
                revision=wanted.revision,
                made_in=_origin(wanted),
                suspended=wanted.bot.suspended,
                specification=specs.written(wanted.bot),
                chat_url=self._chat_url(),
            )
        )

    # Wanting.

    async def _known(self) -> dict[str, Wanted]:
        """What is wanted, newest first asked of the store; without it, as far as is known."""
        await self._loop.save_late()
        try:
            bots = dict((await asyncio.to_thread(self._desired.read)).bots)
        except StoreUnavailable:
            bots = dict(self._loop.wanted)
        for pending in self._journal.pending:
            if pending.bot is None:
                bots.pop(pending.bot_id, None)
            else:
                bots[pending.bot_id] = _wanted(pending)
        return dict(sorted(bots.items()))

    async def _keep(self, bot_id: str, bot: Bot | None, revision: int, session: str) -> Kept:
        follows = any(pending.bot_id == bot_id for pending in self._journal.pending)
        expect = None if follows else revision
        source = Source(KIND, session=session)
        pending = Pending(bot_id, bot, expect, source, ACTOR, self._now())
        return await asyncio.to_thread(self._journal.put, pending, self._desired)

    async def _bring(self, bot_id: str, bot: Bot | None, session: str, kept: Kept) -> BotResult:
        """Parlant after the wish; what does not work now is the loop's to try again."""
        try:
            if kept.saved:
                return await self._loop.reconcile_now(bot_id)
        except StoreUnavailable:
            pass  # it went away after it had taken the wish
        source = Source(KIND, session=session)
        wanted = Wanted(bot, 0, source, ACTOR, self._now()) if bot is not None else None
        try:
            return await self._loop.carry_out(bot_id, wanted)
        except OttoError as error:
            return BotResult(bot_id, error=error)

    async def _foreign(self, bot: Bot, known: Mapping[str, Wanted]) -> Reply | None:
        """A question if Parlant has an agent of this name that nobody keeps here."""
        try:
            agents = await self._port.list_agents()
        except OttoError:
            return None  # the loop will find out, and says so in its own words
        for agent in agents:
            if agent.ref.key in known or agent.ref.key == OTTO:
                continue
            if naming.same(bot, agent.ref.key, str(agent.spec.get("name", ""))):
                return naming.question(
                    f"Parlant has an agent {agent.ref.key!r} already that is not kept here."
                )
        return None

    def _changeable(self, name: str, known: Mapping[str, Wanted]) -> tuple[Wanted | None, Reply]:
        wanted, refusal = naming.found(name, known)
        if wanted is not None and wanted.source.kind == "manifest" and wanted.source.root:
            file = wanted.source.path or wanted.source.root
            return None, reply(
                False,
                f"{wanted.bot.name} is kept in the file {file} and is changed there, not here: "
                "the next import of the file would undo it.",
                bot_id=wanted.bot.id,
            )
        return wanted, refusal

    def _told(
        self, bot: Bot, message: str, kept: Kept, result: BotResult, extra: Iterable[str]
    ) -> Reply:
        failed = not_possible(result)
        sentences = [message, *([LATER] if failed else []), *extra]
        if bot.suspended:
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


def _with(message: str, kept: Kept) -> str:
    return message if kept.saved else f"{message} {NOT_SAVED}"


def _wanted(pending: Pending) -> Wanted:
    assert pending.bot is not None
    return Wanted(pending.bot, 0, pending.source, pending.actor, pending.time)


def _origin(wanted: Wanted) -> str:
    source = wanted.source
    return "a chat with Otto" if source.kind == KIND else source.path or source.kind
