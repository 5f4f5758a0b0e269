"""How long Parlant takes for a call, by what it holds: points that were measured, lines between.

Milliseconds of Parlant 3.3.2, medians over HTTP from another process, on a machine with two cores
that others used too: good to about 50 %. POST, PATCH and DELETE of agents, guidelines and journeys
were measured with 0, 500 and 3,000 guidelines and no other journeys, the lists of guidelines with
500 to 4,000; all others with 0, 50, 100, 200 and 300 bots of `benchmarks.bots` on one server.
Guidelines are counted with those that Parlant makes of the conditions of journeys.

Whoever deletes a guideline has Parlant list all journeys, once, and with a journey once for each
condition: that is added, and gives what was measured with journeys beside (0.7 s and 1.4 s with 200
bots) to some 10 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Points: TypeAlias = Sequence[tuple[float, float]]

FLAT = 2.5
"""For every call that is not in the table, in milliseconds."""

_COSTS: Mapping[str, tuple[str, Points]] = {
    "GET agents": ("agents", [(0, 2.5), (100, 6), (400, 13), (800, 20)]),
    "GET guidelines": (
        "guidelines",
        [(0, 3), (450, 430), (900, 1360), (2000, 7200), (4000, 29900)],
    ),
    "GET guidelines?": ("guidelines", [(0, 2.5), (500, 18), (2000, 76), (4000, 105)]),
    "GET guidelines/": ("guidelines", [(0, 2.5), (500, 9.5), (2000, 18), (4000, 17)]),
    "GET journeys": ("journeys", [(0, 2.5), (100, 44), (200, 199), (400, 638), (600, 1698)]),
    "GET journeys?": ("journeys", [(0, 2.5), (200, 8.6), (600, 16)]),
    "GET journeys/": ("journeys", [(0, 2.5), (200, 8.8), (600, 22)]),
    "GET terms": ("terms", [(0, 2.6), (100, 17), (200, 77), (400, 215), (600, 474)]),
    "GET terms?": ("terms", [(0, 2.5), (200, 6.6), (600, 12)]),
    "GET relationships?": ("guidelines", [(0, 2.5), (900, 5.8), (2700, 11.5)]),
    "POST agents": ("guidelines", [(0, 2.9), (500, 3.5), (3000, 4.1)]),
    "POST guidelines": ("guidelines", [(0, 4.5), (500, 6.8), (3000, 12)]),
    "POST journeys": ("guidelines", [(0, 14), (500, 20), (3000, 35)]),
    "POST terms": ("terms", [(0, 7.8), (100, 13), (600, 13)]),
    "POST canned_responses": ("guidelines", [(0, 6.4), (450, 13), (2700, 13)]),
    "POST capabilities": ("guidelines", [(0, 6.1), (450, 12), (2700, 25)]),
    "POST relationships": ("guidelines", [(0, 4.2), (450, 10), (900, 22), (2700, 63)]),
    "PATCH guidelines/": ("guidelines", [(0, 8), (500, 16), (3000, 54)]),
    "PATCH journeys/": ("journeys", [(0, 4.3), (200, 12), (600, 15)]),
    "PATCH terms/": ("terms", [(0, 4.1), (100, 13), (600, 14)]),
    "DELETE guidelines/": ("guidelines", [(0, 13), (500, 22), (3000, 49)]),
    "DELETE journeys/": ("guidelines", [(0, 12), (500, 17), (3000, 49)]),
}
_CONDITION = 5.0
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
