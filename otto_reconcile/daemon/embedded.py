"""A Parlant in this process: one life after another, each after the first because a model came."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from otto_reconcile.daemon.assembly import Assembly
from otto_reconcile.daemon.first_import import FirstImport
from otto_reconcile.daemon.live import Live, Runs, until
from otto_reconcile.daemon.shard import ShardOf, shard_of
from otto_reconcile.loop import Loop
from otto_reconcile.model import OTTO
from otto_reconcile.model.evaluation import EvaluationCache
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.admission import Admission
from otto_reconcile.reconcile.reporter import UNAVAILABLE
from otto_reconcile.reconcile.restore_report import hold_up
from otto_reconcile.reconcile.target_changes import Touched
from otto_reconcile.runtime import data_dir
from otto_reconcile.server import EmbeddedServer
from otto_reconcile.server.metering import Meter
from otto_reconcile.server.model_watch import JOB, ModelWatch
from otto_reconcile.server.restore_gate import RestoreGate
from otto_reconcile.server.sdk_host import host_process
from otto_reconcile.settings import is_all_first

if TYPE_CHECKING:
    from fastapi import FastAPI


ANSWER_WITHIN = 60.0
"""Seconds that a start waits for a model that was found to be there a moment ago, at least."""


class Embedded:
    def __init__(self, assembly: Assembly, live: Live) -> None:
        self._assembly, self._live = assembly, live
        self._settings, self._reporter = assembly.settings, assembly.reporter
        self._jobs = assembly.jobs
        self._model = ModelWatch(
            self._settings.nlp, assembly.reporter, assembly.clock, assembly.jobs
        )
        self._again = False

    async def serve(self, stopping: asyncio.Event) -> None:
        """One life of Parlant after another, each after the first because the model has come."""
        port, model_within = self._settings.port, None
        target = f"embedded:{data_dir.instance(self._settings.data_dir)}"
        while (server := await self._life(stopping, target, port, model_within)) is not None:
            port, model_within = server.port, max(ANSWER_WITHIN, 3 * self._model.took)

    async def _life(
        self, stopping: asyncio.Event, target: str, number: int, model_within: float | None
    ) -> EmbeddedServer | None:
        """Serves; gives the server if it ended to be started anew with its language model."""
        holder, predecessors = data_dir.next_holder(self._settings.data_dir, target)
        shard = shard_of(self._assembly, holder, predecessors)
        made: asyncio.Future[Loop] = asyncio.get_running_loop().create_future()
        meter, changes = Meter(), asyncio.Queue[Touched]()
        admission, used = Admission({OTTO}), self._assembly.last_used
        all_first = is_all_first(self._settings)
        self._reporter.board.usage = meter.to_document

        server = EmbeddedServer(
            home=self._settings.data_dir / "parlant",
            port=number,
            nlp=self._settings.nlp,
            changes=changes,
            meter=meter,
            model_within=model_within,
            gate=RestoreGate(admission, partial(hold_up, self._reporter), used.note),
        )

        async def prepare(app: FastAPI, sdk: Any) -> None:
            self._reporter.say("Parlant created", stores="default")
            self._model.tell(server)
            headers, host = server.hook.headers, host_process(sdk)
            known = EvaluationCache()
            port = RestPort.over_asgi(app, target, headers, host=host, evaluations=known)
            parts = self._assembly
            loop = parts.loop(
                port,
                known,
                holder,
                predecessors,
                meter,
                server.model_away,
                changes,
                server.hook.is_busy,
                admission,
                one_of=shard.one_of if shard is not None else None,
            )
            made.set_result(loop)
            await parts.host_tools(port, loop, {"server": sdk, "container": sdk.container})
            await parts.make_otto(sdk, loop, port, server)
            if all_first:
                await parts.import_all()  # not before: a run that cannot start wants nothing new
                if shard is not None:
                    await shard.spreading.begin()
                await loop.restore()

        first = None
        if not all_first:
            spread = shard is not None
            first = FirstImport(self._assembly, lambda: admission.known, always_before=spread)
        serving = asyncio.create_task(server.serve(prepare))
        return await self._host(server, serving, made, first, stopping, shard)

    async def _await_model(self, server: EmbeddedServer, over: asyncio.Event) -> None:
        """Ends this life of Parlant once the model that was away is there."""
        if await self._model.wait(server, over):
            self._again = True
            over.set()

    async def _host(
        self,
        server: EmbeddedServer,
        serving: asyncio.Task[None],
        made: asyncio.Future[Loop],
        first: FirstImport | None,
        stopping: asyncio.Event,
        shard: ShardOf | None,
    ) -> EmbeddedServer | None:
        """Runs the loop while the server serves; the end of either is the end of both.

        Gives the server if it ended because its language model has come.
        """
        over = asyncio.Event()
        self._again = False
        serving.add_done_callback(lambda task: over.set())
        asked = asyncio.create_task(_relay(stopping, over))
        await until(over, server.ready.wait())
        if server.ready.is_set() and not over.is_set():
            kept = self._jobs.keep(JOB, lambda: self._await_model(server, over))
            trying = asyncio.create_task(kept, name="language-model")
            runs: Runs = made.result()
            if shard is not None:
                runs = shard.around(runs, server.url)
            await self._live.run(runs, over, server.url, first)
            trying.cancel()
        asked.cancel()
        await server.stop()
        await serving
        if not self._again or stopping.is_set():
            return None
        if self._assembly.tools is not None:
            await self._assembly.tools.stop()
        self._reporter.target(UNAVAILABLE, "Parlant is started again with its language model")
        self._reporter.publish()
        return server


async def _relay(first: asyncio.Event, second: asyncio.Event) -> None:
    await first.wait()
    second.set()
