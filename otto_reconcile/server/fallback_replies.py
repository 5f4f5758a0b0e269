"""What a customer reads where the model cannot answer: hooks in Parlant's engine.

Imports Parlant; `embedded` sets them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from parlant.sdk import EngineContext, EngineHookResult, EngineHooks, Tracer

NO_MODEL = (
    "No language model is configured here, so I cannot answer. Whoever runs this server can set "
    "OPENAI_API_KEY, or start it with --nlp and the name of a service."
)
AWAY = (
    "No language model is available at the moment, so I cannot answer. Please try again later, in "
    "a new conversation."
)
FAILED = "Sorry, something went wrong and I could not answer. Please try again in a moment."

CurrentTracer = Callable[[], Tracer]
Excuse = Callable[[], str | None]
"""What to answer to every message in place of the model; None where the model answers."""


def configure(
    tracer: CurrentTracer, excuse: Excuse
) -> Callable[[EngineHooks], Awaitable[EngineHooks]]:
    """For `configure_hooks`: where there is an excuse, each message is answered with it at once.

    Else a turn that fails is answered with FAILED in place of silence. The details are in
    Parlant's log, not in the session, where the customer's page could read them.
    """

    async def configured(hooks: EngineHooks) -> EngineHooks:
        hooks.on_acknowledged.append(_answering(tracer, excuse))
        hooks.on_error.append(_answering(tracer, lambda: FAILED))
        return hooks

    return configured


def _answering(
    tracer: CurrentTracer, text: Excuse
) -> Callable[[EngineContext, Any, Exception | None], Awaitable[EngineHookResult]]:
    async def answer(
        context: EngineContext, payload: Any, error: Exception | None
    ) -> EngineHookResult:
        if (said := text()) is None:
            return EngineHookResult.CALL_NEXT
        emitter, trace = context.session_event_emitter, tracer().trace_id
        participant = {"id": context.agent.id, "display_name": context.agent.name}
        message = {"message": said, "participant": participant}
        await emitter.emit_message_event(trace_id=trace, data=message)  # type: ignore[arg-type]
        await emitter.emit_status_event(
            trace_id=trace, data={"status": "ready", "data": {"stage": "completed"}}
        )
        return EngineHookResult.BAIL

    return answer
