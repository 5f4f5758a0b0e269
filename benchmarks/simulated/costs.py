"""How long Parlant takes for a call, by what it holds: points that were measured, lines between.

Milliseconds of Parlant 3.3.2, medians of nine calls over HTTP from another process, with 0, 50,
100, 200 and 300 bots of `benchmarks.bots` on one server, on two cores with little else running and
each text embedded for the first time. Guidelines are counted with those that Parlant makes of the
conditions of journeys. Making 200 bots comes to 14.8 s by this table, and took 14.6 s.

Earlier measurements on a busier machine, with 500 to 4,000 guidelines, are within a factor of two;
the costs of 4,000 guidelines are theirs. Beyond the last point a line goes on as it went.

Whoever deletes a guideline has Parlant list all journeys, once, and with a journey once for each
condition: that is added to the costs of a server without journeys, and gives what was measured with
them (0.7 s and 1.4 s with 200 bots).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Points: TypeAlias = Sequence[tuple[float, float]]

FLAT = 1.7
"""For every call that is not in the table, in milliseconds."""

_COSTS: Mapping[str, tuple[str, Points]] = {
    "GET agents": ("agents", [(0, 1.7), (100, 2.6), (300, 4.6)]),
    "GET guidelines": (
        "guidelines",
        [(0, 2.6), (450, 286), (900, 1156), (1800, 4451), (4000, 29900)],
    ),
    "GET guidelines?": ("guidelines", [(0, 1.7), (450, 11), (900, 19), (1800, 35), (4000, 105)]),
    "GET guidelines/": ("guidelines", [(0, 1.7), (450, 3.3), (900, 4.9), (1800, 7.9), (4000, 17)]),
    "GET journeys": ("journeys", [(0, 2.2), (100, 47), (200, 170), (400, 654), (600, 1449)]),
    "GET journeys?": ("journeys", [(0, 1.7), (100, 3.5), (200, 5.1), (400, 8.5), (600, 15)]),
    "GET journeys/": ("journeys", [(0, 1.7), (100, 3.7), (200, 5.7), (400, 9.4), (600, 23)]),
    "GET terms": ("terms", [(0, 2.0), (100, 17), (200, 54), (400, 202), (600, 442)]),
    "GET terms?": ("terms", [(0, 1.7), (200, 3.7), (400, 5.7), (600, 8.4)]),
    "GET relationships?": ("guidelines", [(0, 1.7), (900, 4.6), (1800, 8.2), (2700, 12)]),
    "GET services/": ("services", [(0, 2.9), (1, 2.9)]),
    "POST agents": ("agents", [(0, 2.3), (300, 2.4)]),
    "POST guidelines": ("guidelines", [(0, 2.9), (900, 4.2), (1800, 6.5), (2700, 8.1)]),
    "POST journeys": ("guidelines", [(0, 4), (450, 8), (900, 13), (1800, 24), (2700, 33)]),
    "POST terms": ("terms", [(0, 4.4), (100, 4.3), (200, 8.9), (400, 9.2), (600, 12.7)]),
    "POST canned_responses": ("guidelines", [(0, 4.1), (900, 5.8), (1800, 8.6), (2700, 11)]),
    "POST context-variables": ("guidelines", [(0, 2.5), (2700, 2.7)]),
    "POST capabilities": ("guidelines", [(0, 6.0), (900, 7.8), (1800, 13), (2700, 27)]),
    "POST relationships": ("guidelines", [(0, 2.6), (450, 8.2), (900, 13), (1800, 27), (2700, 39)]),
    "PUT context-variables/": ("guidelines", [(0, 2.2), (2700, 2.4)]),
    "PATCH agents/": ("agents", [(0, 2.0), (300, 4.2)]),
    "PATCH guidelines/": ("guidelines", [(0, 3.3), (450, 10), (900, 21), (1800, 32), (2700, 48)]),
    "PATCH journeys/": ("journeys", [(0, 2.8), (100, 4.3), (200, 7), (400, 12), (600, 14)]),
    "PATCH terms/": ("terms", [(0, 3.1), (100, 4.5), (200, 6.3), (400, 11), (600, 13)]),
    "DELETE guidelines/": ("guidelines", [(0, 3), (500, 15), (3000, 49)]),
    "DELETE journeys/": ("guidelines", [(0, 3), (500, 15), (3000, 49)]),
    "DELETE terms/": ("terms", [(0, 1.4), (200, 2.6), (400, 4.6), (600, 11)]),
}
_CONDITION = 4.0
"""For each condition of a journey after the first, as for a guideline without an id."""


def seconds(
    method: str, parts: Sequence[str], query: Mapping[str, Any], body: Any, held: Mapping[str, int]
) -> float:
    """For one call; `held` is how many there are of each kind, `body` None or what was sent.

    Of a DELETE of a journey `body` is the journey.
    """
    kind = parts[0] if parts else ""
    form = "/" if len(parts) > 1 else ""
    filtered = any(name.endswith("_id") or name == "tags" for name in query)
    form = "?" if filtered and not form else form
    taken = _cost(f"{method} {kind}{form}", held)
    conditions = (
        len(body["conditions"]) if kind == "journeys" and "conditions" in (body or ()) else 0
    )
    if method == "POST":
        taken += _CONDITION * max(0, conditions - 1)
    if method == "DELETE" and kind == "guidelines":
        taken += _cost("GET journeys", held)
    if method == "DELETE" and kind == "journeys":
        taken += conditions * _cost("GET journeys", held)
    return taken / 1000


def _cost(call: str, held: Mapping[str, int]) -> float:
    if call not in _COSTS:
        return FLAT
    kind, points = _COSTS[call]
    return _on_the_line(points, held.get(kind, 0))


def _on_the_line(points: Points, at: float) -> float:
    """Between two points, and beyond the last one as between the last two."""
    last = len(points) - 2
    start = next((n for n in range(last) if at <= points[n + 1][0]), last)
    (x0, y0), (x1, y1) = points[start], points[start + 1]
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
