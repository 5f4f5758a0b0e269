"""Otto's tools as Parlant knows them; each hands over to `service`.

Imports Parlant. Annotations are read when a tool is made: no `from __future__` here.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Optional

import parlant.sdk as p

from otto_reconcile.errors import OttoError
from otto_reconcile.model import OTTO
from otto_reconcile.otto.access import owner_of
from otto_reconcile.otto.missed_replies import MissedReplies
from otto_reconcile.otto.prompts import DRAFT, SHOWN
from otto_reconcile.otto.responses import Reply, fitted, reply
from otto_reconcile.otto.service import OttoService

_log = logging.getLogger("otto_reconcile.otto")

Shown = Annotated[str, p.ToolParameterOptions(description=SHOWN)]
Draft = Annotated[str, p.ToolParameterOptions(description=DRAFT)]
Name = Annotated[str, p.ToolParameterOptions(description="The bot's id or its name.")]
# Optional is the spelling of what may be left out that Parlant knows.
Changed = Annotated[
    Optional[str],  # noqa: UP045
    p.ToolParameterOptions(
        description="For a change to a bot that is there, its id or its name; empty for a new bot."
    ),
]
Page = Annotated[
    Optional[int],  # noqa: UP045
    p.ToolParameterOptions(description="Which page of a long answer; 1 if left out."),
]
Confirmation = Annotated[
    Optional[str],  # noqa: UP045
    p.ToolParameterOptions(
        description="What the customer's last message says, if it answers the question for the "
        "name of the bot to delete; empty in all other cases."
    ),
]


def make(service: OttoService) -> dict[str, p.ToolEntry]:
    """The tools by name."""
    news = MissedReplies()

    @p.tool
    async def validate_bot_spec(
        context: p.ToolContext, spec_json: Draft, bot: Changed = None
    ) -> p.ToolResult:
        """Checks a specification, or a change to a bot, before it is shown. Changes nothing.

        What is valid has to be shown to the customer then, and has a draft, by which it is made
        after a yes. The answer to a change has a list of all that it changes, adds and removes.
        """
        return await _safely(
            news,
            context,
            lambda: service.validate(spec_json, bot or "", *_asker(context)),
        )

    @p.tool
    async def create_parlant_bot(context: p.ToolContext, spec_json: Shown) -> p.ToolResult:
        """Creates a new bot from the draft that was checked and shown last.

        It works only after the customer has answered to that draft. Of anything else nothing is
        created; it has to be shown and agreed to first.
        """
        return await _safely(news, context, lambda: service.create(spec_json, *_asker(context)))

    @p.tool
    async def update_parlant_bot(
        context: p.ToolContext, bot: Name, spec_json: Shown
    ) -> p.ToolResult:
        """Makes the change to a bot that was checked and shown last, from its draft.

        What the change does not name stays as it is; only what remove names is removed. It works
        only after the customer has answered to this draft.
        """
        return await _safely(
            news,
            context,
            lambda: service.update(bot, spec_json, *_asker(context)),
        )

    @p.tool
    async def delete_parlant_bot(
        context: p.ToolContext, bot: Name, confirmed_name: Confirmation = None
    ) -> p.ToolResult:
        """Deletes a bot. The first call only says what would go and what to ask for."""
        return await _safely(
            news,
            context,
            lambda: service.delete(bot, confirmed_name or "", *_asker(context)),
        )

    @p.tool
    async def list_parlant_bots(context: p.ToolContext, page: Page = None) -> p.ToolResult:
        """Lists the bots with their ids, many of them page by page; pages says how many.

        Only those with made_in are this customer's to see and to change.
        """
        return await _safely(
            news, context, lambda: service.catalogue.list(page or 1, _owner(context))
        )

    @p.tool
    async def show_parlant_bot(
        context: p.ToolContext, bot: Name, page: Page = None
    ) -> p.ToolResult:
        """Gives the specification of one bot, a long one page by page; pages says how many."""
        return await _safely(
            news,
            context,
            lambda: service.catalogue.show(bot, 1 if page is None else page, _owner(context)),
        )

    made = (
        create_parlant_bot, update_parlant_bot, delete_parlant_bot, list_parlant_bots,
        show_parlant_bot, validate_bot_spec,
    )  # fmt: skip
    return {entry.tool.name: entry for entry in made}


def _asker(context: p.ToolContext) -> tuple[str, str, str]:
    """The session, the turn and the customer."""
    return context.session_id, _turn(context), context.customer_id


def _owner(context: p.ToolContext) -> str:
    return owner_of(context.session_id, context.customer_id)


def _check_caller(context: p.ToolContext) -> None:
    """Raises OttoError unless the call comes out of a chat with Otto in this very server.

    Parlant serves tools on a port of loopback, where anybody on this machine may call them and say
    to be anybody. A call of the server's own engine names its turn by a random id, by which Parlant
    finds the turn again; it names that to every tool service, so the ids have to be of that turn.
    """
    try:
        session = p.Session.current
        ids = (session.agent.id, session.id, session.customer.id)
    except RuntimeError:
        ids = None
    if ids != (context.agent_id, context.session_id, context.customer_id) or ids[0] != OTTO:
        _log.warning("refused: a tool of Otto's was called from outside of its chats")
        raise OttoError("This works in a conversation with Otto only.")


def _turn(context: p.ToolContext) -> str:
    """The id of the first message that the customer wrote since Otto spoke last.

    A message that interrupts Otto is of the same turn as the one before: nothing was shown between.
    """
    turn, answered = "", True
    for event in p.ToolContextAccessor(context).current_interaction.events:
        if event.kind is not p.EventKind.MESSAGE:
            continue
        if event.source is p.EventSource.CUSTOMER and answered:
            turn, answered = str(event.id), False
        elif event.source is p.EventSource.AI_AGENT:
            answered = True
    return turn


async def _safely(
    news: MissedReplies, context: p.ToolContext, work: Callable[[], Coroutine[Any, Any, Reply]]
) -> p.ToolResult:
    """To Parlant an exception is an error of which the customer hears nothing."""
    try:
        _check_caller(context)
        data = await news.finish(context.session_id, work())
    except OttoError as error:
        data = fitted(reply(False, error.message))
    except Exception:
        _log.exception("a tool of Otto's failed")
        data = reply(False, "Something went wrong here; the log of this server says what.")
    return p.ToolResult(data=data)
