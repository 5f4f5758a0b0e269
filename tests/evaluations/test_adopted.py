"""What a Parlant elsewhere evaluated before its bots were adopted stays, and is not paid for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.harness import Daemon, Place, wait_for
from tests.parlant_server.fixtures import parlant_process
from tests.parlant_server.process import ParlantProcess

__all__ = ["parlant_process"]

QUICK = ("--interval", "1")
JUDGED = {
    "continuous": True,
    "customer_dependent_action_data": {"is_customer_dependent": False},
    "agent_intention_condition": None,
    "internal_action": None,
}
OWN = ["agent:mine"]


@pytest.fixture
def theirs(parlant_process: ParlantProcess) -> Iterator[httpx.Client]:
    """A server whose program had all evaluated at its start, as the SDK leaves it."""
    parlant_process.restart()
    with httpx.Client(base_url=parlant_process.url, timeout=30) as http:

        def post(path: str, **body: Any) -> Any:
            answer = http.post(path, json=body)
            answer.raise_for_status()
            return answer.json()

        post("/agents", id="mine", name="Mine", description="")
        post("/guidelines", id="mine.a", condition="Hi", action="Hello", metadata=JUDGED, tags=OWN)
        half = {"continuous": True}
        post("/guidelines", id="mine.b", condition="Half", action="Do", metadata=half, tags=OWN)
        made = post(
            "/journeys", id="mine.j", title="J", description="d", conditions=["c"], tags=OWN
        )
        (condition,) = made["conditions"]
        http.patch(f"/guidelines/{condition}", json={"metadata": {"set": JUDGED}})
        yield http
    parlant_process.restart()


def metadata(http: httpx.Client, key: str) -> Any:
    return http.get(f"/guidelines/{key}").json()["guideline"]["metadata"]


def elsewhere(place: Place, url: str, *arguments: str) -> Daemon:
    return place.forked("--parlant-url", url, *QUICK, *arguments)


def test_evaluation_survives_healing_and_is_not_asked_for_again(
    theirs: httpx.Client, tmp_path: Path
) -> None:
    place, url = Place(tmp_path), str(theirs.base_url)
    adopted = place.command("adopt", "mine", "--from", url, "--manage")
    assert adopted.returncode == 0, adopted.stderr
    with elsewhere(place, url) as daemon:
        daemon.wait_synced("mine")
        wait_for("known", lambda: daemon.bot("mine")["unevaluated"] == 1)
        theirs.patch("/guidelines/mine.a", json={"condition": "Bye"})
        assert metadata(theirs, "mine.a") == JUDGED  # Parlant keeps it with any text
        wait_for(
            "healed",
            lambda: theirs.get("/guidelines/mine.a").json()["guideline"]["condition"] == "Hi",
        )
        assert metadata(theirs, "mine.a") == JUDGED
        # What is of another text is nobody's answer.
        theirs.patch("/guidelines/mine.b", json={"metadata": {"set": JUDGED}})
        wait_for("read again", lambda: daemon.bot("mine")["unevaluated"] == 1)
    with elsewhere(place, url, "--evaluate", "lazy") as daemon:
        wait_for("asked", lambda: daemon.status["evaluations"]["failing"] == 1)
        assert daemon.bot("mine")["unevaluated"] == 1


def test_a_daemon_that_runs_already_learns_of_it(theirs: httpx.Client, tmp_path: Path) -> None:
    place, url = Place(tmp_path), str(theirs.base_url)
    place.write()
    with elsewhere(place, url) as daemon:
        daemon.wait_synced("order-desk")
        adopted = place.command("adopt", "mine", "--from", url, "--manage")
        assert adopted.returncode == 0, adopted.stderr
        daemon.wait_synced("mine")
        wait_for("known", lambda: daemon.bot("mine")["unevaluated"] == 1)
