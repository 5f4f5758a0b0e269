"""Tools of the bot `travel`. They make everything up; yours would ask a booking system."""

from datetime import date

import parlant.sdk as p


@p.tool
async def get_available_destinations(context: p.ToolContext) -> p.ToolResult:
    """Lists the places that the agency has trips to."""
    return p.ToolResult(data=["Paris, France", "Tokyo, Japan", "Bali, Indonesia", "New York, USA"])


@p.tool
async def get_available_flights(context: p.ToolContext, destination: str) -> p.ToolResult:
    """Lists flights to a place."""
    flights = ["123, June 15, 9:00, $850", "321, June 16, 14:30, $720", "987, June 17, 18:45, $680"]
    return p.ToolResult(data=[f"Flight {flight} to {destination}" for flight in flights])


@p.tool
async def get_alternative_flights(context: p.ToolContext, destination: str) -> p.ToolResult:
    """Lists flights to a place on other days."""
    flights = ["485, June 25, 11:00, $920", "516, July 2, 16:15, $780"]
    return p.ToolResult(data=[f"Flight {flight} to {destination}" for flight in flights])


@p.tool
async def book_flight(context: p.ToolContext, flight: str) -> p.ToolResult:
    """Books a flight for the customer of this conversation."""
    number = f"TRV-{date.today():%Y%m%d}-001"
    return p.ToolResult(data={"flight": flight, "for": p.Customer.current.name, "number": number})


@p.tool
async def get_booking_status(context: p.ToolContext, confirmation_number: str) -> p.ToolResult:
    """Looks a booking up."""
    booking = {
        "status": "Confirmed",
        "details": "Flight to Paris on June 15 at 9:00, seat 12A",
        "notes": "Check-in opens a day before",
    }
    return p.ToolResult(data={**booking, "number": confirmation_number})
