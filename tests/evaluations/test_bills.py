"""What an LLM has evaluated once is never asked again: the real daemon, a model that counts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Daemon, Place, bot, wait_for
from tests.evaluations.judge import INPUT, LIKELY, OUTPUT
from tests.wire.server import NotRunnable, own_server, skip_or_fail

RUN = ("--port", "0", "--nlp", "tests.evaluations.judge:factory")
CALLS = 3
"""What Parlant asks about one condition that has an action or no tools."""
FIRST = 5 * CALLS + 2
"""Two guidelines, three conditions of journeys, two states in which something is said."""


WALK = """\
apiVersion: otto/v1
kind: Bot
metadata: {id: walk}
spec:
  name: Walk
  journeys:
    - id: visit
      title: Visit
      description: Arrange a visit.
      conditions: [The customer wants to come]
      states:
        - {chat: Ask for the day}
        - {chat: Confirm the day}
  tags: [walkers]
  relationships:
    - {kind: priority, source: "journey:visit", target: "tag:walkers"}
"""


class Model:
    """What the model of these daemons was asked."""

    def __init__(self, folder: Path) -> None:
        self.asked = folder / "asked.txt"
        self.asked.touch()
        self._mute = self.asked.with_suffix(".mute")

    @property
    def calls(self) -> int:
        return len(self.asked.read_text().splitlines())

    def mute(self, on: bool) -> None:
        self._mute.touch() if on else self._mute.unlink()


def evaluated(daemon: Daemon, *bot_ids: str) -> None:
    """Waits until all is in place and nothing waits for an evaluation."""
    daemon.wait_synced(*bot_ids)

    def settled() -> bool:
        evaluations = daemon.status["evaluations"]
        known = all(daemon.bot(bot_id)["unevaluated"] == 0 for bot_id in bot_ids)
        return known and evaluations["missing"] == 0

    wait_for("all judged", settled)


LIKES = {"agent_intention_condition": LIKELY, "continuous": True}


def is_judged(daemon: Daemon, guideline_id: str) -> bool:
    return bool(LIKES.items() <= daemon.guideline(guideline_id)["metadata"].items())


def are_conditions_judged(daemon: Daemon, journey_id: str) -> bool:
    found = daemon.get("/guidelines", tag_id=f"journey:{journey_id}")
    return all(LIKES.items() <= guideline["metadata"].items() for guideline in found)


@dataclass
class EpochChange:
    """A first life: its folder, its model, and what was asked and told in it, step by step."""

    place: Place
    model: Model
    calls: dict[str, int] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    actions: str = ""
    walked: str = ""


@pytest.fixture(scope="module")
def mongodb() -> Iterator[str]:
    """The URI of a server of MongoDB's wire protocol."""
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(own_server()).uri
        except NotRunnable as error:
            skip_or_fail(error)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, mongodb: str) -> EpochChange:
    folder = tmp_path_factory.mktemp("bills")
    model = Model(folder)
    place = Place(folder, OTTO_TEST_ASKED=str(model.asked), MONGODB_URI=mongodb)
    life = EpochChange(place, model)
    life.place.write()
    life.place.write("walk.yaml", WALK)
    with life.place.forked(*RUN) as daemon:
        evaluated(daemon, "order-desk", "walk")
        life.calls["first start"], life.status = model.calls, daemon.status
        wait_for("a guideline", lambda: is_judged(daemon, "order-desk.small-talk"))
        wait_for("conditions", lambda: are_conditions_judged(daemon, "order-desk.return-item"))
        new = "Ask for the order number"
        life.place.write(text=bot(action=new))
        wait_for("new", lambda: daemon.guideline("order-desk.order-status")["action"] == new)
        wait_for("one more", lambda: is_judged(daemon, "order-desk.order-status"))
        evaluated(daemon, "order-desk")
        life.calls["one changed"] = model.calls
        life.place.write("copy.yaml", bot("copy", "Copy", new))
        evaluated(daemon, "order-desk", "copy", "walk")
        assert is_judged(daemon, "copy.order-status")
        life.calls["one copied"] = model.calls
        life.actions = life.place.command("actions", "--bot", "order-desk", "-o", "json").stdout
        life.walked = life.place.command("actions", "--bot", "walk", "-o", "json").stdout
    return life


def test_each_text_is_asked_about_once_and_the_price_is_told(life: EpochChange) -> None:
    changed = FIRST + CALLS
    assert life.calls == {"first start": FIRST, "one changed": changed, "one copied": changed}
    spent = {"calls": FIRST, "input_tokens": FIRST * INPUT, "output_tokens": FIRST * OUTPUT}
    assert life.status["usage"]["evaluation"] == spent
    run = life.status["evaluations"]["run"]  # the last one: bots that come apart have one each
    assert 0 < run["calls"] <= FIRST
    assert run["input_tokens"] == run["calls"] * INPUT
    records = [r for r in json.loads(life.actions) if r["kind"] == "evaluation"]
    told = {change["field"]: change["after"] for change in records[0]["changes"]}
    assert (told["calls"], told["input_tokens"]) == (CALLS, CALLS * INPUT)


def test_journey_recreated_for_states_is_recorded_and_no_drift(life: EpochChange) -> None:
    done = [(r["kind"], r["operation"], r["cause"]) for r in json.loads(life.walked)]
    assert done.count(("journey", "replace", "Evaluated")) == 1
    assert done.count(("relationship", "create", "Evaluated")) == 1
    assert "Drifted" not in {cause for _, _, cause in done}


def test_a_new_machine_with_the_same_store_pays_nothing(
    life: EpochChange, mongodb: str, tmp_path: Path
) -> None:
    before = life.model.calls
    place = Place(tmp_path, OTTO_TEST_ASKED=str(life.model.asked), MONGODB_URI=mongodb)
    with place.forked(*RUN, "--evaluate", "eager") as daemon:
        evaluated(daemon, "order-desk", "copy", "walk")
        assert is_judged(daemon, "order-desk.order-status")
        assert are_conditions_judged(daemon, "order-desk.return-item")
    assert life.model.calls == before


def test_restart_pays_nothing_and_serves_without_an_answer(life: EpochChange) -> None:
    before = life.model.calls
    with life.place.forked(*RUN) as daemon:
        evaluated(daemon, "order-desk", "copy", "walk")
        assert is_judged(daemon, "order-desk.order-status")
        wait_for("conditions", lambda: are_conditions_judged(daemon, "copy.return-item"))
        assert daemon.status["usage"]["evaluation"]["calls"] == 0
        assert life.model.calls == before

        # What somebody makes of an evaluation is put right, on record, and costs nothing either.
        wrong = {"metadata": {"set": {"continuous": "WRONG"}}}
        daemon.call("PATCH", "/guidelines/copy.order-status", wrong)
        wait_for("put right", lambda: is_judged(daemon, "copy.order-status"))
        done = json.loads(life.place.command("actions", "--bot", "copy", "-o", "json").stdout)
        mended = next(r for r in done if r["cause"] == "Evaluated" and r["kind"] == "guideline")
        assert mended["changes"][0]["before"] == {"continuous": "WRONG"}
        assert life.model.calls == before

        life.model.mute(True)
        life.place.write("new.yaml", bot("new", "New", "Say that nobody has said this yet"))
        daemon.wait_synced("new")

        def why() -> str:
            evaluations = daemon.status["evaluations"]
            return str(evaluations["message"] or "") if evaluations["failing"] else ""

        told = wait_for("told of the failure", why)
        assert "guideline new.order-status: the model gave no evaluation" in told
        assert "the quota is used up" in told
        assert daemon.bot("new")["unevaluated"] == 1
        assert daemon.guideline("new.order-status")["metadata"] == {}
        life.model.mute(False)
        evaluated(daemon, "new")
        assert "Traceback" not in daemon.output
