"""Two tools of the test server. No `annotations` future here: Parlant reads the real types."""

import parlant.sdk as p


@p.tool
async def look_up(context: p.ToolContext, number: str) -> p.ToolResult:
    """Looks an order up."""
    return p.ToolResult(data=number)


@p.tool
async def weigh(context: p.ToolContext, number: str) -> p.ToolResult:
    """Weighs a parcel."""
    return p.ToolResult(data=number)


async def never(context: p.GuidelineMatchingContext, guideline: p.Guideline) -> p.GuidelineMatch:
    """With a matcher of its own a guideline needs no evaluation by a model."""
    return p.GuidelineMatch(id=guideline.id, matched=False, rationale="")


async def enable(server: p.Server) -> None:
    """Makes the tools known to Parlant, which takes a guideline that has them."""
    agent = await server.create_agent(name="Tool holder", description="", id="tool-holder")
    await agent.create_guideline(
        condition="never", action="nothing", tools=[look_up, weigh], matcher=never
    )
