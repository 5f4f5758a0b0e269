"""What grows when it is written out: refused with its place, and never waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import Bot, snapshot_of
from otto_reconcile.model.journey_graph import Graphs
from otto_reconcile.model.reachability import ways_on
from otto_reconcile.render.graphs import tree

FOLLOW = "reachable_follow_ups"
HEAD = """apiVersion: otto/v1
kind: Bot
metadata: {id: big}
spec:
  name: Big
  journeys:
"""
JOURNEY = "    - {{id: {0}, title: {0}, description: d, conditions: [c], states: [\n{1}\n    ]}}\n"


def journey(name: str, *states: str) -> str:
    return JOURNEY.format(name, ",\n".join(f"      {state}" for state in states))


def forks(count: int, ways: int) -> str:
    def fork(name: str) -> str:
        return ", ".join(f"{{when: w{way}, to: {name}}}" for way in range(ways))

    first = f"{{id: s, chat: x, next: [{fork('f0')}, {{when: e, to: end}}]}}"
    others = (f"{{id: f{n}, fork: [{fork(f'f{n + 1}')}]}}" for n in range(count))
    return journey("j", first, *others, f"{{id: f{count}, chat: z}}")


def nested(count: int, times: int, text: str = "x") -> str:
    inner = (
        journey(f"j{n}", *[f"{{journey: j{n + 1}}}" for _ in range(times)]) for n in range(count)
    )
    return "".join(inner) + journey(f"j{count}", f"{{chat: {text}}}")


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "big.yaml"
    path.write_text(HEAD + text)
    with pytest.raises(InvalidInput) as caught:
        manifest.load([path], environ={})
    return [str(one).removeprefix(f"{path}:") for one in caught.value.problems]


def load(tmp_path: Path, text: str) -> Bot:
    path = tmp_path / "big.yaml"
    path.write_text(HEAD + text)
    return manifest.load([path], environ={}).bots[0].bot


TOO_MANY = "the journeys have over 2,000 states and ways"
IN_A_ROW = "more than 50 forks lead from one to the next here"
CASES: dict[str, tuple[str, str]] = {
    "two ways each": (forks(24, 2), TOO_MANY),
    "many ways each": (forks(6, 9), TOO_MANY),
    "many forks": (forks(51, 1), IN_A_ROW),
    "very many forks": (forks(900, 1), IN_A_ROW),
    "sub-journeys": (nested(13, 3), TOO_MANY),
    "deep sub-journeys": (nested(21, 1), "more than 20 journeys lie in one another here"),
    "very deep sub-journeys": (nested(900, 1), "more than 20 journeys lie in one another here"),
    "long ids": (
        nested(3, 1).replace("{journey: ", "{id: " + "y" * 90 + ", journey: "),
        "the id of a state within it has over 200 characters",
    ),
    "much text": (nested(8, 3, "y" * 5_000), "the journeys have over 10,000,000 characters"),
    "journeys that go through one another": (
        nested(40, 5).replace("chat: x", "journey: j0"),
        "leads in a circle",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_grows_without_end_is_refused_at_its_state(tmp_path: Path, case: str) -> None:
    text, message = CASES[case]
    found = faults(tmp_path, text)
    assert all(message in fault for fault in found)
    lines = (HEAD + text).splitlines()
    for fault in found:
        line, column, _ = fault.split(":", 2)
        assert lines[int(line) - 1][int(column) - 1 :].startswith(("{", "j"))


def test_what_is_just_small_enough_is_taken_and_read_again(tmp_path: Path) -> None:
    for text in (forks(7, 2), forks(50, 1), nested(5, 3), nested(20, 1)):
        bot = load(tmp_path, text)
        assert snapshot_of(Bot.from_document(bot.to_document()))


def branches(count: int) -> str:
    """Chat states, each with two ways, to a state that says one thing and one that says another."""
    each = (
        f"{{id: s{n}, chat: x, next: [{{when: y, to: y{n}}}, {{when: n, to: n{n}}}]}},\n"
        f"{{id: y{n}, chat: x, next: s{n + 1}}}, {{id: n{n}, chat: x, next: s{n + 1}}}"
        for n in range(count)
    )
    return journey("j", *each, f"{{id: s{count}, chat: z}}")


def test_what_takes_parlant_too_long_to_read_is_refused(tmp_path: Path) -> None:
    """Parlant reads what lies behind two ways that meet twice, and so on: 2 ** n for n of them."""
    bot = load(tmp_path, branches(13))
    assert len(snapshot_of(bot)) == 2
    for count in (14, 25, 250):
        told = "at each message Parlant would go 50,000 ways through the journeys"
        assert [told in fault for fault in faults(tmp_path, branches(count))] == [True]


def test_a_deep_journey_can_be_drawn_and_written(tmp_path: Path) -> None:
    states = (
        f"{{id: s{n}, chat: x, next: [{{when: a, to: s{n + 1}}}, {{when: b, to: end}}]}}"
        for n in range(600)
    )
    bot = load(tmp_path, journey("j", *states, "{id: s600, chat: y}"))
    assert len(list(tree(bot, bot.journeys))) > 1200
    assert "id: s600" in manifest.dump([bot])
    told = ways_on("j", Graphs(bot.journeys).of(bot.journeys[0]))
    paths = [way["path"] for one in told.values() for way in one["journey_node"][FOLLOW]]
    assert paths[-3:] == [["603"], ["None"], ["None"]]


def test_states_with_one_text_get_numbers(tmp_path: Path) -> None:
    bot = load(tmp_path, journey("j", *["{chat: x}"] * 900))
    names = [state.id for state in bot.journeys[0].states or ()]
    assert names[:2] == ["x", "x-2"]
    assert names[-1] == "x-900"


def test_many_ways_into_one_fork_are_counted_each(tmp_path: Path) -> None:
    ways = ", ".join(f"{{when: w{n}, to: s0}}" for n in range(100))
    chats = [f"{{id: c{n}, chat: x, next: f}}" for n in range(200)]
    first = ", ".join(f"{{when: v{n}, to: c{n}}}" for n in range(200))
    states = [f"{{id: s0, chat: x, next: [{first}]}}", *chats, f"{{id: f, fork: [{ways}]}}"]
    assert all(TOO_MANY in fault for fault in faults(tmp_path, journey("j", *states)))


def test_journeys_of_one_bot_share_the_limit(tmp_path: Path) -> None:
    def many(count: int) -> str:
        return "".join(forks(8, 2).replace("{id: j,", f"{{id: j{n},") for n in range(count))

    assert load(tmp_path, many(1))
    found = faults(tmp_path, many(2))
    assert found
    assert all(TOO_MANY in fault for fault in found)


def test_a_circle_of_sub_journeys_that_say_nothing_is_told(tmp_path: Path) -> None:
    round_ = journey("j", "{id: a, journey: p, next: b}", "{id: b, journey: p, next: a}")
    passed = journey("p", "{fork: [{when: x, to: c}, {when: y, to: end}]}", "{id: c, chat: Hello}")
    told = "this state leads back to itself through forks only"
    assert [told in fault for fault in faults(tmp_path, round_ + passed)] == [True, True]


def test_bot_too_large_is_refused_wherever_it_comes_from() -> None:
    def states(count: int) -> list[dict[str, Any]]:
        ways = [[{"when": w, "to": f"f{n}"} for w in "ab"] for n in range(count + 1)]
        forked = [{"id": f"f{n}", "next": ways[n + 1]} for n in range(count)]
        return [
            {"id": "s", "chat": "x", "next": ways[0]}, *forked, {"id": f"f{count}", "chat": "z"}
        ]  # fmt: skip

    one = {"id": "j", "title": "j", "description": "d", "conditions": ["c"], "states": states(30)}
    with pytest.raises(ValueError, match="over 2,000 states and ways"):
        Bot.from_document({"id": "b", "name": "B", "journeys": [one]})
