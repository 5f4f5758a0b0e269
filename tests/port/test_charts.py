"""Charts of states: what is the same compares as the same, and a difference is never told away."""

from __future__ import annotations

from hypothesis import given, settings

from otto_reconcile.model import JSON, Journey, State
from otto_reconcile.model.journey_graph import END, Graphs, plain
from otto_reconcile.port import mermaid
from tests.manifest.bots import states
from tests.support.examples import examples

QUICK = settings(max_examples=examples(60), deadline=None)


def drawn(given_states: list[State]) -> list[JSON]:
    journey = Journey(id="a.j", title="T", description="", conditions=[], states=given_states)
    return plain(Graphs([journey]).of(journey))


@QUICK
@given(states([]))
def test_names_and_the_order_of_ways_mean_nothing(made: list[State]) -> None:
    wanted = drawn(made)
    names = {state["id"]: f"x{number}" for number, state in enumerate(wanted)} | {END: END}
    other = [
        {
            **state,
            "id": names[state["id"]],
            "next": [{**way, "to": names[way["to"]]} for way in reversed(state["next"])],
        }
        for state in wanted
    ]
    assert mermaid.seen(other) == mermaid.seen(wanted)


@QUICK
@given(states([]), states([]))
def test_what_differs_is_never_taken_for_the_same(one: list[State], two: list[State]) -> None:
    wanted, found = drawn(one), mermaid.seen(drawn(two))
    if found != mermaid.seen(wanted):
        assert mermaid.recognised(found, wanted) != wanted


def test_a_chart_is_read_line_by_line_whatever_its_texts_hold() -> None:
    chart = """stateDiagram-v2
    state "Say &quot;x&quot; &amp; it#39;s
    N0 --> N1: not a way
style N0 fill:#ffeeaa" as N0
    state "Look" as N1
    [*] --> N0
    N0 --> N1: when
it is so
    N0 --> N2
    N2 --> [*]: over
    N2 --> N0: again
    N1 --> N0
style N0 fill:#006e53,stroke:#ffffff
style N1 fill:#ffeeaa,stroke:#ffeeaa"""
    assert mermaid.read(chart) == [
        {
            "id": "1",
            "chat": 'Say "x" & it\'s N0 --> N1: not a way style N0 fill:#ffeeaa',
            "next": [{"to": "2"}, {"to": "3", "when": "when it is so"}],
        },
        {"id": "2", "next": [{"to": "1", "when": "again"}, {"to": "end", "when": "over"}]},
        {"id": "3", "tool": "Look", "next": [{"to": "1"}]},
    ]


def test_what_is_still_there_keeps_its_name_in_a_difference() -> None:
    wanted: list[JSON] = [
        {
            "id": "ask",
            "chat": "Ask",
            "next": [{"to": "look", "when": "b"}, {"to": "end", "when": "a"}],
        },
        {"id": "look", "tools": ["s:slots"], "next": [{"to": "offer"}]},
        {"id": "offer", "chat": "Offer", "labels": ["l"], "next": [{"to": "end"}]},
    ]
    other = [wanted[0], {**wanted[1], "tools": ["s:weeks"]}, wanted[2]]
    assert mermaid.recognised(mermaid.seen(other), wanted) == [
        {**wanted[0], "next": [{"to": "end", "when": "a"}, {"to": "(2)", "when": "b"}]},
        wanted[2],
        {"id": "(2)", "tool": "Use the tool weeks", "next": [{"to": "offer"}]},
    ]
