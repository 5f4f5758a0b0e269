"""Takes the changes that others make on a target, and has looked at what they touched.

A change tells its kind, its id and, where its bodies say so, its bot. What it touched of a bot is
looked at alone, at once; what is nobody's here may reach every agent, and only that is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from otto_reconcile.desired import DesiredBot
from otto_reconcile.model import Ref, get_kind, kinds
from otto_reconcile.model.shared import tools_named
from otto_reconcile.reconcile.controller import Controller
from otto_reconcile.reconcile.scanning import Scanning
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.target_changes import TargetChanges, Touched
from otto_reconcile.reconcile.workqueue import URGENT

REACHING = frozenset(kind.name for kind in kinds() if kind.reaches)
_SHARED = frozenset({"tag", "tool_service"})


class Noticing:
    def __init__(
        self,
        changes: TargetChanges,
        session: TargetSession,
        controller: Controller,
        scanning: Scanning,
        scan_again: asyncio.Event,
    ) -> None:
        self._changes, self._session = changes, session
        self._controller, self._scanning = controller, scanning
        self._scan_again = scan_again

    async def take(self) -> None:
        """Waits for one change, and deals with it."""
        self.noticed(await self._changes.get())

    def noticed(self, touched: Touched) -> None:
        """Something changed on the target."""
        cache, ref = self._session.cache, Ref(touched.kind, touched.id)
        if ref.kind == "agent":
            self._controller.agents_moved()
        if ref.kind in _SHARED:
            self._shared(ref)
            return
        part = self._session.port.part_of(*ref) or ref
        owner, ours = cache.owner_of(*part)
        owners = {touched.bot_id or owner or self._controller.reporter_of(*ref)}
        owners |= {cache.owner_of("guideline", end)[0] for end in touched.ends}
        bot_ids: Iterable[str] = sorted(one for one in owners if one is not None)
        alone = get_kind(ref.kind).own_id
        if not ref.key and not bot_ids and not alone:
            bot_ids = cache.bot_ids  # of all bots, as far as anybody knows
        parts = None if alone and not ref.key else frozenset({ours or part})
        self._session.ask_for(bot_ids, "noticed", parts)
        if ref.kind in REACHING and ours is None:
            self._scan(ref)

    def _scan(self, ref: Ref) -> None:
        self._scanning.soon(ref)
        self._scan_again.set()

    def _shared(self, ref: Ref) -> None:
        """Of a tag or a tool service no bot is the only one: all that use it are looked at.

        What waits for the tools of a service is tried again.
        """
        if ref.kind == "tool_service":
            self._controller.release()
        self._session.enqueue(self._users(ref), "noticed", URGENT)
        if ref.kind in REACHING:  # what has the tag may reach others now
            self._scan(ref)

    def _users(self, ref: Ref) -> Iterable[str]:
        world = self._session.cache.world
        if world is None:
            return
        of_kind = {
            bot_id: [r for r in (*world.wanted(bot_id).values(), *world.last(bot_id).values())
                     if r.kind == ref.kind]
            for bot_id in world.bot_ids
        }  # fmt: skip
        every = [one for known in of_kind.values() for one in known]
        names = {ref.key} | {one.key for one in every if one.remote_id == ref.key}
        for bot_id, known in of_kind.items():
            named = any(one.key in names for one in known)
            if named or (ref.kind == "tool_service" and _uses(world.desired.bots.get(bot_id), ref)):
                yield bot_id


def _uses(wanted: DesiredBot | None, service: Ref) -> bool:
    tools = tools_named(wanted.bot) if wanted is not None else ()
    return any(tool.partition(":")[0] == service.key for tool in tools)
