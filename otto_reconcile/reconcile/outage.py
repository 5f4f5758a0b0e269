"""What is wanted while the store is away: put on the target at once, saved when the store is back.

The loop owns it. The way to the target is the usual one, plan and apply; only the records go into
memory and into the outbox instead of the store.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace

from otto_reconcile.desired import Desired, DesiredBot
from otto_reconcile.errors import OttoError, StoreUnavailable
from otto_reconcile.outbox import Drained, Outbox
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.records.applied import Applied
from otto_reconcile.records.composition import composed
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.store.memory import MemoryStore


class Outage:
    def __init__(
        self, outbox: Outbox, stores: Stores, port: Port, reporter: Reporter, clock: Clock
    ) -> None:
        self._outbox, self._stores, self._port = outbox, stores, port
        self._reporter = reporter
        self._memory = Stores.over(MemoryStore())
        self._reconciler = Reconciler(port, self._memory, clock, on_outcome=reporter.outcome)
        self._applied: dict[str, Applied | None] = {}
        self._saving: dict[str, Applied | None] = {}
        self._turn = asyncio.Lock()
        self._changes = int(outbox.waiting)  # how many there were
        self._read = 0  # how many of them the store is known to have been read with
        self._told: str | None = None
        if outbox.damaged:
            reporter.warn("the outbox has entries that cannot be read", entries=outbox.damaged)

    @property
    def waiting(self) -> bool:
        """True if something is to be saved as soon as the store answers."""
        return self._outbox.waiting or bool(self._applied or self._saving)

    @property
    def is_behind(self) -> bool:
        """True if what the loop knows was read before all that was done meanwhile was saved."""
        return self.waiting or self._read != self._changes

    def begin_reading(self) -> int | None:
        """For `end_reading`, once the store was read; None while something is not saved yet."""
        return None if self.waiting else self._changes

    def end_reading(self, begun: int | None) -> None:
        if begun is not None:
            self._read = begun

    async def save(self) -> bool:
        """Saves what waits; False if the store does not answer yet."""
        async with self._turn:
            # Taken first: what `carry_out` adds while this is saved is for the next time.
            self._saving, self._applied = self._applied, {}
            try:
                return await self._try_to_save()
            finally:
                self._applied, self._saving = {**self._saving, **self._applied}, {}

    async def _try_to_save(self) -> bool:
        try:
            drained = await asyncio.to_thread(self._save, [*self._saving.values()])
        except StoreUnavailable:
            return False
        except OttoError as error:
            if error.message != self._told:
                self._told = error.message
                self._reporter.warn("what waits cannot be saved", why=error.message)
            return False
        self._saving = {}
        self._reporter.stand_by(drained.problems)
        if drained.saved:
            self._reporter.say("saved what waited for the store", bots=" ".join(drained.saved))
        return True

    def _save(self, applied: Sequence[Applied | None]) -> Drained:
        drained = self._outbox.drain(self._stores.desired, self._stores.audit)
        sets = [one for one in applied if one is not None]
        if sets:
            self._stores.applied.save(self._port.target, sets)
        return drained

    async def put_back(self, world: TargetState | None) -> frozenset[str]:
        """Brings the target to all that waits: after a restart with the store still away.

        Gives the bots of which that went well.
        """
        newest = {pending.bot_id: pending for pending in self._outbox.pending}
        done: set[str] = set()
        for bot_id, pending in newest.items():
            try:
                result = await self.carry_out(world, bot_id, pending.wanted)
            except OttoError as error:
                self._reporter.warn("not put back yet", bot=bot_id, why=error.message)
            else:
                done.update([bot_id] if result.tried else ())
        return frozenset(done)

    async def carry_out(
        self, world: TargetState | None, bot_id: str, wanted: DesiredBot | None
    ) -> BotResult:
        """Brings the target to what is wanted of this bot (None: gone), on nobody's record yet.

        `world` is what the loop knew last. What was called is noted in the outbox. Raises
        StoreUnavailable if the outbox cannot be written.
        """
        known = world or TargetState(
            self._port.target, Desired({}, {}), {}, None, inside=self._port.inside
        )
        bots = {i: w for i, w in known.desired.bots.items() if i != bot_id}
        if wanted is not None:
            bots[bot_id] = composed(wanted, known.desired)
        late = self._saving | self._applied
        applied = {i: a for i, a in (known.applied | late).items() if a is not None}
        overlay = replace(
            known,
            desired=replace(known.desired, bots=dict(sorted(bots.items()))),
            applied=applied,
            deleted=frozenset({bot_id}) if wanted is None else frozenset(),
            snapshots={},
        )
        run_id = uuid.uuid4().hex[:8]
        self._changes += 1
        (result,) = await self._reconciler.look(overlay, [bot_id], run_id)
        self._applied[bot_id] = overlay.applied.get(bot_id)
        records = self._memory.audit.find(run_id=run_id)
        await asyncio.to_thread(self._outbox.note, records)
        return result
