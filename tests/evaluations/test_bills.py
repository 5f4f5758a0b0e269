"""What an LLM has judged once is never asked again: the real daemon, a model that counts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.e2e.harness import Daemon, Place, bot, wait_for
from tests.evaluations.judge import INPUT, LIKELY, OUTPUT

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


def condition_metadata(daemon: Daemon, journey_id: str) -> list[dict[str, Any]]:
    found = daemon.get("/guidelines", tag_id=f"journey:{journey_id}")
    return [guideline["metadata"] for guideline in found]


def judged(daemon: Daemon, *bot_ids: str) -> None:
    """Waits until all is in place and nothing waits for a judgement."""
    daemon.wait_synced(*bot_ids)

    def settled() -> bool:
        evaluations = daemon.status["evaluations"]
        known = all(daemon.bot(bot_id)["unevaluated"] == 0 for bot_id in bot_ids)
        return known and evaluations["missing"] == 0

    wait_for("all judged", settled)


def test_no_restart_and_no_copy_is_paid_for(tmp_path: Path) -> None:
    model = Model(tmp_path)
    environ = {"OTTO_TEST_ASKED": str(model.asked)}
    first = tmp_path / "first"
    first.mkdir()
    place = Place(first, **environ)
    place.write()
    place.write("walk.yaml", WALK)
    with place.daemon(*RUN) as daemon:
        judged(daemon, "order-desk", "walk")
        assert model.calls == FIRST
        likely = {"agent_intention_condition": LIKELY, "continuous": True}
        wait_for("judged", lambda: likely.items() <= _metadata(daemon, "small-talk").items())
        wait_for(
            "conditions judged",
            lambda: all(
                likely.items() <= metadata.items()
                for metadata in condition_metadata(daemon, "order-desk.return-item")
            ),
        )
        spent = {"calls": FIRST, "input_tokens": FIRST * INPUT, "output_tokens": FIRST * OUTPUT}
        assert daemon.status["usage"]["evaluation"] == spent
        assert daemon.status["evaluations"]["run"].items() >= spent.items()

        place.write(text=bot(action="Ask for the order number"))
        wait_for("one changed", lambda: model.calls == FIRST + CALLS)
        judged(daemon, "order-desk")
        wait_for("judged", lambda: likely.items() <= _metadata(daemon, "order-status").items())

        place.write("copy.yaml", bot("copy", "Copy", "Ask for the order number"))
        judged(daemon, "order-desk", "copy", "walk")
        assert likely.items() <= daemon.guideline("copy.order-status")["metadata"].items()
        assert model.calls == FIRST + CALLS
        shown = place.command("actions", "--bot", "order-desk", "-o", "json").stdout
        assert '"kind": "evaluation"' in shown
        assert '"input_tokens"' in shown

    with place.daemon(*RUN) as daemon:
        judged(daemon, "order-desk", "copy", "walk")
        assert likely.items() <= _metadata(daemon, "order-status").items()
        assert all(
            likely.items() <= metadata.items()
            for metadata in condition_metadata(daemon, "copy.return-item")
        )
        assert daemon.status["usage"]["evaluation"]["calls"] == 0
        assert model.calls == FIRST + CALLS
        _without_an_answer(model, daemon)

    total, second = model.calls, tmp_path / "second"
    (second / ".otto").mkdir(parents=True, mode=0o700)
    shutil.copy(first / ".otto" / "otto.db", second / ".otto" / "otto.db")
    with Place(second, **environ).daemon(*RUN, "--evaluate", "eager") as daemon:
        judged(daemon, "order-desk", "copy", "walk")
        assert likely.items() <= _metadata(daemon, "order-status").items()
    assert model.calls == total


def _without_an_answer(model: Model, daemon: Daemon) -> None:
    """A bot is served, and judged once the model answers again."""
    model.mute(True)
    daemon.place.write("copy.yaml", bot("copy", "Copy", "Ask for something else"))
    told = wait_for(
        "told of the failure",
        lambda: daemon.status["evaluations"]["failing"] and daemon.status["evaluations"],
    )
    assert "guideline copy.order-status: the model gave no judgement" in told["message"]
    assert "the quota is used up" in told["message"]
    assert daemon.bot("copy")["unevaluated"] == 1
    assert daemon.guideline("copy.order-status")["metadata"] == {}
    model.mute(False)
    judged(daemon, "copy")
    assert "Traceback" not in daemon.output


def _metadata(daemon: Daemon, guideline: str) -> dict[str, Any]:
    metadata: dict[str, Any] = daemon.guideline(f"order-desk.{guideline}")["metadata"]
    return metadata
