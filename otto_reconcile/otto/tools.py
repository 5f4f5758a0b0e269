"""Otto's tools as Parlant knows them; each hands over to the workshop. For `agent`.

Imports Parlant. Annotations are read when a tool is made: no `from __future__` here.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Optional

import parlant.sdk as p

from otto_reconcile.errors import OttoError
from otto_reconcile.otto.replies import Reply, fitted, reply
from otto_reconcile.otto.words import SPECIFICATION
from otto_reconcile.otto.workshop import Workshop

_log = logging.getLogger("otto_reconcile.otto")

Spec = Annotated[str, p.ToolParameterOptions(description=SPECIFICATION)]
Name = Annotated[str, p.ToolParameterOptions(description="The bot's id or its name.")]
Confirmation = Annotated[
    Optional[str],  # noqa: UP045 - Parlant knows this spelling
    p.ToolParameterOptions(
        description="What the customer's last message says, if it answers the question for the "
        "name of the bot to delete; empty in all other cases."
    ),
]


def make(workshop: Workshop) -> dict[str, p.ToolEntry]:
    """The tools by name."""

    @p.tool
    async def create_parlant_bot(context: p.ToolContext, spec_json: Spec) -> p.ToolResult:
        """Creates a new bot from a specification that the customer has said yes to."""
        return await _safely(lambda: workshop.create(spec_json, context.session_id))

    @p.tool
    async def update_parlant_bot(
        context: p.ToolContext, bot: Name, spec_json: Spec
    ) -> p.ToolResult:
        """Replaces the specification of a bot that is there, after the customer's yes."""
        return await _safely(lambda: workshop.update(bot, spec_json, context.session_id))

    @p.tool
    async def delete_parlant_bot(
        context: p.ToolContext, bot: Name, confirmed_name: Confirmation = None
    ) -> p.ToolResult:
        """Deletes a bot. The first call only says what would go and what to ask for."""
        said = p.ToolContextAccessor(context).current_interaction.last_customer_message_event
        turn = str(said.id) if said is not None else ""
        return await _safely(
            lambda: workshop.delete(bot, confirmed_name or "", context.session_id, turn)
        )

    @p.tool
    async def list_parlant_bots(context: p.ToolContext) -> p.ToolResult:
        """Lists all bots with their ids."""
        return await _safely(workshop.bots)

    @p.tool
    async def show_parlant_bot(context: p.ToolContext, bot: Name) -> p.ToolResult:
        """Gives the whole specification of one bot."""
        return await _safely(lambda: workshop.show(bot))

    @p.tool
    async def validate_bot_spec(context: p.ToolContext, spec_json: Spec) -> p.ToolResult:
        """Checks a specification and changes nothing."""
        return await _safely(lambda: workshop.validate(spec_json))

    made = (
        create_parlant_bot, update_parlant_bot, delete_parlant_bot, list_parlant_bots,
        show_parlant_bot, validate_bot_spec,
    )  # fmt: skip
    return {entry.tool.name: entry for entry in made}


async def _safely(work: Callable[[], Awaitable[Reply]]) -> p.ToolResult:
    """To Parlant an exception is an error of which the customer hears nothing."""
    try:
        data = await work()
    except OttoError as error:
        data = fitted(reply(False, error.message))
    except Exception:
        _log.exception("a tool of Otto's failed")
        data = reply(False, "Something went wrong here; the log of this server says what.")
    return p.ToolResult(data=data)
