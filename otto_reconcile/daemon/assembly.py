"""What one run works with, and what it makes of it for each server: loop, tools, Otto."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from otto_reconcile.loop import Loop
from otto_reconcile.model.evaluation import EvaluationCache
from otto_reconcile.outbox import Outbox
from otto_reconcile.port.base import Evaluator, Port
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.admission import Admission
from otto_reconcile.reconcile.bridged import Bridged
from otto_reconcile.reconcile.evaluation.scheduler import EvaluationScheduler, Mode
from otto_reconcile.reconcile.extension import Extension
from otto_reconcile.reconcile.jobs import Jobs
from otto_reconcile.reconcile.last_used import LastUsed
from otto_reconcile.reconcile.outage import Outage
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_changes import TargetChanges
from otto_reconcile.reconcile.wanted import Wanted
from otto_reconcile.runtime import data_dir
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.server import EmbeddedServer, nlp
from otto_reconcile.server.local_tools import LocalTools
from otto_reconcile.server.metering import Meter
from otto_reconcile.settings import Settings, actor
from otto_reconcile.sources.branch import Branch
from otto_reconcile.sources.folder import Folder
from otto_reconcile.sources.position import position_of

NO_MODEL = "no language model"
NO_MODEL_NOW = "no language model at the moment"
"""Why nothing is evaluated where there is none."""


@dataclass(frozen=True, slots=True)
class OneOfSeveral:
    """What a target among several has for itself; `moved` is set when its bots have moved.

    `owner` names another daemon that is to act on it, `placing` makes the extension that says which
    bots it has.
    """

    reporter: Reporter
    wanted: Wanted
    owner: Callable[[], str | None] | None
    last_used: LastUsed
    placing: Callable[[TargetSession], Extension]
    moved: asyncio.Event


def named() -> str:
    """What this process is called in leases: no other is called so, anywhere."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Assembly:
    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        outbox: Outbox,
        reporter: Reporter,
        clock: Clock,
        *,
        prune_unmanaged: bool,
        alone: bool = True,
    ) -> None:
        """`alone` says that no other process has the data directory."""
        self._alone = alone
        self.settings, self.stores, self.outbox = settings, stores, outbox
        self.reporter, self.clock, self._prune = reporter, clock, prune_unmanaged
        if (selector := settings.selector) is not None:
            reporter.board.status.selector = selector.text
        self.jobs = Jobs(reporter, clock)
        self.sources = tuple(self._sources())
        names = frozenset(source.name for source in self.sources)
        for source in self.sources:
            source.beside(names - {source.name})
        self.last_used = LastUsed(reporter.board.folder, clock)
        self.tools = LocalTools(settings.tools, reporter, clock) if settings.tools else None

    def _sources(self) -> Iterator[Folder | Branch]:
        settings, who = self.settings, actor(os.environ)
        if settings.manifests is not None:
            parts = self.stores, self.reporter, self.clock
            yield Folder(settings.manifests, *parts, who, settings.env)
        folder = None if settings.ephemeral else settings.data_dir
        for one in settings.git:
            yield Branch(
                one,
                position_of(one, folder, self.clock, settings.git_interval),
                self.stores,
                self.reporter,
                self.clock,
                who,
                data_dir=folder,
                signers=settings.git_verify,
                env=settings.env,
            )

    def next_holder(self) -> tuple[str, frozenset[str]]:
        """The name of this daemon for leases, and those of daemons that are surely dead."""
        if self.settings.ephemeral or not self._alone:
            return named(), frozenset()
        return data_dir.next_holder(self.settings.data_dir, "elsewhere", named())

    @property
    def woken(self) -> tuple[asyncio.Event, ...]:
        """What to set where branches may have moved."""
        return tuple(source.woken for source in self.sources if isinstance(source, Branch))

    async def import_all(self) -> None:
        """Each source as it is now; none is waited for that does not answer."""
        for source in self.sources:
            await source.import_now()

    async def host_tools(self, port: RestPort, loop: Loop, data: Mapping[str, Any]) -> None:
        """Before the restore, so that it finds them there."""
        tools = self.tools
        if tools is None:
            return
        url = await tools.start(data)
        await port.host_tools(url, tools.names)

        async def changed() -> None:
            await port.host_tools(url, tools.names)
            loop.poke("tools")

        tools.follow(changed)

    async def make_otto(self, sdk: Any, loop: Loop, port: Port, server: EmbeddedServer) -> None:
        from otto_reconcile.otto import agent
        from otto_reconcile.otto.access import Access
        from otto_reconcile.otto.service import OttoService

        access = Access(self.settings.otto_access)
        if access is Access.OFF:
            return
        service = OttoService(
            loop,
            port,
            self.stores.desired,
            self.outbox,
            lambda: server.chat_url,
            access=access,
            ephemeral=self.settings.ephemeral,
        )
        await agent.make(sdk, service)
        self.reporter.say("Otto created", id=agent.ID)

    def loop(
        self,
        port: RestPort,
        known: EvaluationCache,
        holder: str,
        predecessors: Collection[str],
        meter: Meter | None,
        model_away: str | None = None,
        changes: TargetChanges | None = None,
        busy: Callable[[], bool] = lambda: False,
        admission: Admission | None = None,
        bridged: Bridged | None = None,
        one_of: OneOfSeveral | None = None,
    ) -> Loop:
        """The loop of the port, which puts what is `known` of evaluations on its target.

        `meter` counts what the embedded server's model costs; None means a server elsewhere, whose
        bridge is `bridged` if it has one. `one_of` is what a target has for itself among several.
        """
        if bridged is not None:
            changes, busy, admission = bridged.changes, bridged.busy.is_busy, bridged.admission
        outage = None  # of several targets none has what Otto wrote
        if one_of is None:
            outage = Outage(self.outbox, self.stores, port, self.reporter, self.clock)
        session = TargetSession(
            port,
            self.stores,
            one_of.reporter if one_of is not None else self.reporter,
            self.clock,
            holder=holder,
            predecessors=predecessors,
            take_over=frozenset(self.settings.take_over),
            selector=self.settings.selector,
            wanted=one_of.wanted if one_of is not None else None,
            owner=one_of.owner if one_of is not None else None,
            outage=outage,
            admission=admission,
            last_used=one_of.last_used if one_of is not None else self.last_used,
        )
        extensions = self._extensions(session, port, known, meter, model_away)
        if bridged is not None:
            extensions.append(bridged.following(session))
        if one_of is not None:
            extensions.append(one_of.placing(session))
        return Loop(
            session,
            interval=self.settings.interval,
            prune_unmanaged=self._prune,
            extensions=extensions,
            changes=changes,
            hooked=changes is not None,
            busy=busy,
            probe=bridged.probe if bridged is not None else None,
            moved=one_of.moved if one_of is not None else None,
        )

    def _extensions(
        self,
        session: TargetSession,
        port: Evaluator,
        known: EvaluationCache,
        meter: Meter | None,
        away: str | None,
    ) -> list[Extension]:
        """Elsewhere somebody else pays for the model, so there it has to be asked for.

        `away` says why there is no model now, though one is named.
        """
        if meter is not None and (_is_offline(self.settings) or away is not None):
            why = NO_MODEL if away is None else NO_MODEL_NOW
            self.reporter.board.status.evaluations = {"mode": "off", "message": why}
            return []
        mode = Mode(self.settings.evaluate or (Mode.OFF if meter is None else Mode.LAZY))
        return [EvaluationScheduler(mode, session, port, known, meter)]


def _is_offline(settings: Settings) -> bool:
    return nlp.chosen(settings.nlp) == nlp.OFFLINE
