"""rehydrate_bots_from_persistence: puts every bot back, once, inside a program's own server."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from otto_reconcile.errors import OttoError
from otto_reconcile.model.bot import SUSPENSIONS
from otto_reconcile.model.evaluation import EvaluationCache
from otto_reconcile.persistence.arguments import Given, mode_of, must_be_persistence
from otto_reconcile.persistence.domain import DomainPersistence
from otto_reconcile.persistence.sdk_maker import Server, Tool, app_of
from otto_reconcile.persistence.start_port import StartPort
from otto_reconcile.port.connecting import over_asgi
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.conditions import phrase
from otto_reconcile.reconcile.evaluation.evaluator import ModelQueries
from otto_reconcile.reconcile.evaluation.scheduler import Mode
from otto_reconcile.reconcile.owners import Every
from otto_reconcile.reconcile.reading import read
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.restore import CHUNK
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.target_state import RESTORING, TargetState
from otto_reconcile.records.rows.decoding import OWN
from otto_reconcile.render.lines import counted
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.runtime.escaping import visible
from otto_reconcile.server import sdk_host

_log = logging.getLogger("otto_reconcile.persistence")


async def rehydrate_bots_from_persistence(
    server: Server,
    persistence: DomainPersistence,
    *,
    tools: Iterable[Tool] | None = (),
    evaluate: bool | str = True,
    target: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Restores all bots through the SDK. Call it in the body of `async with p.Server()`.

    Gives `enabled`, `bots_restored`, `guidelines_restored`, `journeys_restored`, `errors` (a list
    of sentences), `id_mapping` (stored bot id to agent id; they are the same) and `message`.
    `tools` are the program's own tools (`@p.tool`) that stored bots may name. Without `evaluate`
    Parlant has nothing to evaluate but journeys with states: no model is needed for a start without
    these. `headers` go with calls of the server's API, where its policy asks for a token; they are
    secret. Never raises: what cannot be restored is an error, and the rest is restored.
    """
    done, enabled = _Done(), False
    try:
        must_be_persistence(persistence)
        enabled = persistence.enabled
        if enabled:
            given = Given.of(server, target=target, tools=tools, headers=headers)
            evaluated = mode_of(evaluate) is not Mode.OFF
            await _restore_into(given, evaluated, persistence, done)
    except OttoError as error:
        done.errors.append(error.message)
    except Exception as error:  # the server has to start all the same
        done.errors.append(f"internal error: {error!r}")
    for sentence in done.errors:
        _log.warning("restoring: %s", visible(sentence))
    result = done.to_dict(enabled)
    _log.info("%s", result["message"])
    return result


@dataclass
class _Done:
    bots: list[str] = field(default_factory=list)
    guidelines: int = 0
    journeys: int = 0
    errors: list[str] = field(default_factory=list)

    def to_dict(self, enabled: bool) -> dict[str, Any]:
        message = (
            f"restored {counted(len(self.bots), 'bot')} with "
            f"{counted(self.guidelines, 'guideline')} and {counted(self.journeys, 'journey')}"
        )
        if not enabled:
            message = "persistence is disabled: nothing to restore"
        if self.errors:
            message += f"; {counted(len(self.errors), 'error')}"
        return {
            "enabled": enabled,
            "bots_restored": len(self.bots),
            "guidelines_restored": self.guidelines,
            "journeys_restored": self.journeys,
            "errors": list(self.errors),
            "id_mapping": {bot_id: bot_id for bot_id in self.bots},
            "message": message,
        }


async def _restore_into(
    given: Given, evaluate: bool, persistence: DomainPersistence, done: _Done
) -> None:
    server, stores = given.server, await asyncio.to_thread(lambda: persistence.stores)
    host, known = sdk_host.host_process(server), EvaluationCache()
    wire = over_asgi(app_of(server), given.target, given.headers, host=host, evaluations=known)
    port = StartPort(server, wire, tools=given.tools, evaluate=evaluate)
    try:
        queries = ModelQueries(port, known, stores, SystemClock(), sdk_host.models_of(server))
        await queries.begin()
        await _restore(port, persistence, done)
    finally:
        await port.close()


async def _restore(port: StartPort, persistence: DomainPersistence, done: _Done) -> None:
    world = await asyncio.to_thread(_read, persistence, port.target)
    await epoch.ensure(port, persistence.stores, world, SystemClock())
    done.errors += [one for one in persistence.recording.problems if OWN not in one]
    done.errors += [f"bot {b!r}: {why}" for b, why in sorted(world.desired.unreadable.items())]
    await port.offer_tools()
    present = frozenset(agent.key for agent in await port.list_agents())
    reconciler = Reconciler(port, persistence.stores, SystemClock())
    run_id = uuid.uuid4().hex[:8]
    waves = {bot_id: wanted.bot.wave for bot_id, wanted in world.desired.bots.items()}
    for chunk, absent in _chunks(sorted(world.desired.bots), present, waves):
        for result in await reconciler.look(world, chunk, run_id, absent=absent, unmanaged=False):
            _count(world, result, done)


def _chunks(
    wanted: list[str], present: frozenset[str], waves: Mapping[str, int]
) -> Iterator[tuple[list[str], bool]]:
    """The bots to be looked at together, and whether they are known to be absent.

    Those of a lower wave come first.
    """
    for wave in sorted(set(waves.values())):
        bots = [bot_id for bot_id in wanted if waves[bot_id] == wave]
        absent = [bot_id for bot_id in bots if bot_id not in present]
        for start in range(0, len(absent), CHUNK):
            yield absent[start : start + CHUNK], True
        for bot_id in bots:
            if bot_id in present:
                yield [bot_id], False


def _read(persistence: DomainPersistence, target: str) -> TargetState:
    """What is wanted, read whole."""
    persistence.recording.ingest()
    world = read(persistence.stores, target, restoring=True)
    world.inside, world.take_over = True, Every()
    return world


def _count(world: TargetState, result: BotResult, done: _Done) -> None:
    bot_id, bot = result.bot_id, world.desired.bots[result.bot_id].bot
    if result.error is not None:
        done.errors.append(f"bot {bot_id!r}: {result.error.message}")
        return
    failed = set()
    for outcome in result.failures:
        failed.add(outcome.action.ref)
        done.errors.append(f"bot {bot_id!r}: {phrase(outcome.action)}: {outcome.error}")
    for action in result.planned.plan.skipped if result.planned is not None else ():
        failed.add(action.ref)
        if action.skipped not in (*SUSPENSIONS, RESTORING):
            done.errors.append(f"bot {bot_id!r}: {phrase(action)}: {action.skipped}")
    if ("agent", bot_id) in failed:
        return
    guidelines = sum(("guideline", part.id) not in failed for part in bot.guidelines)
    journeys = sum(("journey", part.id) not in failed for part in bot.journeys)
    done.bots.append(bot_id)
    done.guidelines += guidelines
    done.journeys += journeys
    _log.info("restored bot=%s guidelines=%d journeys=%d", bot_id, guidelines, journeys)
