"""Tools of the bot `healthcare`. They make everything up; yours would ask the office's systems."""

import parlant.sdk as p


@p.tool
async def get_insurance_providers(context: p.ToolContext) -> p.ToolResult:
    """Lists the insurers that the office works with."""
    return p.ToolResult(data=["Mega Insurance", "Acme Insurance"])


@p.tool
async def get_upcoming_slots(context: p.ToolContext) -> p.ToolResult:
    """Lists the next free times."""
    return p.ToolResult(data=["Monday 10 AM", "Tuesday 2 PM", "Wednesday 1 PM"])


@p.tool
async def get_later_slots(context: p.ToolContext) -> p.ToolResult:
    """Lists free times that are further away."""
    return p.ToolResult(data=["November 3, 11:30 AM", "November 12, 3 PM"])


@p.tool
async def schedule_appointment(context: p.ToolContext, time: str) -> p.ToolResult:
    """Makes an appointment."""
    # The time is a text: of a tool with a date Parlant cannot show what binds a state to it.
    return p.ToolResult(data=f"The appointment is made: {time}.")


@p.tool
async def get_lab_results(context: p.ToolContext) -> p.ToolResult:
    """Looks up what the laboratory found for this patient (`context.customer_id`)."""
    return p.ToolResult(data={"report": "All values are in range", "prognosis": "Healthy"})
