"""What the simulator has that Parlant has not: restarts, absences, counts, time that is made up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from benchmarks.simulated import costs
from otto_reconcile.errors import TargetUnavailable
from otto_reconcile.port.rest import RestPort
from tests.benchmarks.simulating import simulator
from tests.e2e.harness import wait_for
from tests.support.forking import ROOT

GUIDELINE = {"id": "g", "condition": "c"}


def counts(url: str) -> Any:
    return httpx.get(f"{url}/_simulator/counts").raise_for_status().json()


def test_simulator_restart_forgets_one_server(simulated_urls: Sequence[str]) -> None:
    first, second, _ = simulated_urls
    for url in (first, second):
        httpx.post(f"{url}/tags", json={"name": "canary"}).raise_for_status()
    httpx.post(f"{first}/_simulator/restart").raise_for_status()
    assert httpx.get(f"{first}/tags").json() == []
    assert [tag["name"] for tag in httpx.get(f"{second}/tags").json()] == ["canary"]


def test_simulator_gives_the_same_ids_after_a_restart(simulated_urls: Sequence[str]) -> None:
    url, ids = simulated_urls[0], []
    for _ in range(2):
        made = [httpx.post(f"{url}/guidelines", json={"condition": "c"}) for _ in range(2)]
        ids.append([answer.json()["id"] for answer in made])
        httpx.post(f"{url}/_simulator/restart").raise_for_status()
    assert ids[0] == ids[1]
    assert ids[0][0] != ids[0][1]


async def test_simulator_away_is_unavailable_and_comes_back(simulated_urls: Sequence[str]) -> None:
    first, second, _ = simulated_urls
    port = RestPort.over_http(first)
    await port.health()
    httpx.post(f"{first}/_simulator/away", json={"seconds": 600}).raise_for_status()
    with pytest.raises(TargetUnavailable, match="cannot be reached"):
        await port.health()
    assert httpx.get(f"{second}/healthz").status_code == 200
    httpx.post(f"{first}/_simulator/away", json={"seconds": 0.05}).raise_for_status()
    wait_for("it is back", lambda: httpx.get(f"{first}/healthz").status_code == 200)
    await port.health()
    await port.close()


def test_simulator_counts_calls_and_what_is_there(simulated_urls: Sequence[str]) -> None:
    url = simulated_urls[0]
    before = counts(url)["calls"]
    httpx.post(f"{url}/guidelines", json=GUIDELINE).raise_for_status()
    httpx.get(f"{url}/guidelines/g").raise_for_status()
    httpx.get(f"{url}/guidelines").raise_for_status()
    told = counts(url)
    for method, number in (("POST", 1), ("GET", 2)):
        was = before.get(method, {}).get("guidelines", 0)
        assert told["calls"][method]["guidelines"] - was == number
    assert told["held"]["guidelines"] == 1
    assert told["held"]["agents"] == 0
    assert told["busy_seconds"] == 0


def test_simulator_takes_as_long_as_the_costs_say() -> None:
    with simulator("--speed", "0.5") as [url]:
        httpx.post(f"{url}/guidelines", json=GUIDELINE).raise_for_status()
        httpx.get(f"{url}/guidelines/g").raise_for_status()
        busy = counts(url)["busy_seconds"]
    one = {"guidelines": 1}
    made = costs.seconds("POST", ["guidelines"], {}, GUIDELINE, {"guidelines": 0})
    read = costs.seconds("GET", ["guidelines", "g"], {}, None, one)
    assert busy == pytest.approx((made + read) / 2)


@pytest.mark.parametrize(
    ("call", "query", "measured"),
    [
        ("POST guidelines", {}, 6.5),
        ("GET guidelines", {}, 4451),
        ("GET guidelines", {"tag_id": ["agent:x"]}, 35),
        ("GET guidelines/x", {}, 7.9),
        ("PATCH guidelines/x", {}, 32),
        ("DELETE guidelines/x", {}, 697),
        ("GET journeys", {}, 654),
        ("GET journeys", {"tag_id": ["agent:x"]}, 8.5),
        ("POST journeys", {}, 28),
        ("DELETE journeys/x", {}, 1374),
        ("GET terms", {}, 202),
        ("PATCH terms/x", {}, 11.2),
        ("GET tags", {"name": ["x"]}, 1.8),
    ],
)
def test_simulated_costs_are_near_those_of_200_bots(
    call: str, query: dict[str, Any], measured: float
) -> None:
    """In milliseconds. Sums are not measured themselves, so that some of it is near only."""
    held = {"agents": 200, "guidelines": 1800, "journeys": 400, "terms": 400}
    method, path = call.split()
    parts = path.split("/")
    body = {"conditions": ["a", "b"]} if path.startswith("journeys") else None
    taken = costs.seconds(method, parts, query, body, held) * 1000
    assert measured * 0.75 < taken < measured * 1.25


def test_simulator_without_a_free_port_says_so(simulated_urls: Sequence[str]) -> None:
    port = httpx.URL(simulated_urls[0]).port
    command = [sys.executable, "-m", "benchmarks.simulator", "--port", str(port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"port {port} is taken: give another, or 0 for a free one\n"
