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
FAILED = "Sorry, something went wrong and I could not answer. Please try again in a moment."

CurrentTracer = Callable[[], Tracer]


def configure(
    tracer: CurrentTracer, *, offline: bool
) -> Callable[[EngineHooks], Awaitable[EngineHooks]]:
    """For `configure_hooks`: without a model each message is answered at once with NO_MODEL.

    With one, a turn that fails is answered with FAILED in place of silence. The details are in
    Parlant's log, not in the session, where the customer's page could read them.
    """

    async def configured(hooks: EngineHooks) -> EngineHooks:
        if offline:
            hooks.on_acknowledged.append(_answering(tracer, NO_MODEL))
        else:
            hooks.on_error.append(_answering(tracer, FAILED))
        return hooks

    return configured


def _answering(
    tracer: CurrentTracer, text: str
) -> Callable[[EngineContext, Any, Exception | None], Awaitable[EngineHookResult]]:
    async def answer(
        context: EngineContext, payload: Any, error: Exception | None
    ) -> EngineHookResult:
        emitter, trace = context.session_event_emitter, tracer().trace_id
        participant = {"id": context.agent.id, "display_name": context.agent.name}
        message = {"message": text, "participant": participant}
        await emitter.emit_message_event(trace_id=trace, data=message)  # type: ignore[arg-type]
        await emitter.emit_status_event(
            trace_id=trace, data={"status": "ready", "data": {"stage": "completed"}}
        )
        return EngineHookResult.BAIL

    return answer
