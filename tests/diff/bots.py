"""Hypothesis strategies for bots, small enough that they often share ids, tags and ends."""

from __future__ import annotations

from hypothesis import strategies as st

from otto_reconcile.model import Bot, Guideline, Journey, Relationship, Term

words = st.sampled_from(["greet", "refund", "late  ", "ça va?", "{braces}", "two\nlines \n", "x"])
texts = st.one_of(
    words, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
).filter(str.strip)
maybe = lambda strategy: st.none() | strategy  # noqa: E731
tags = maybe(st.lists(st.sampled_from(["vip", "eu", "beta"]), max_size=2))
labels = maybe(st.lists(st.sampled_from(["a", "b", "c"]), max_size=3))
modes = maybe(st.sampled_from(["fluid", "composited", "strict"]))
metadata = maybe(
    st.dictionaries(st.sampled_from(["k", "l"]), st.integers(0, 2) | st.just({"n": 1}), max_size=2)
)
IDS = ["one", "two", "three"]


def guidelines(bot_id: str) -> st.SearchStrategy[Guideline]:
    return st.builds(
        Guideline,
        id=st.sampled_from(IDS).map(lambda x: f"{bot_id}.g-{x}"),
        condition=texts,
        action=maybe(texts),
        description=maybe(texts | st.just("")),
        criticality=maybe(st.sampled_from(["low", "medium", "high"])),
        composition_mode=modes,
        enabled=maybe(st.booleans()),
        priority=maybe(st.integers(-1, 2)),
        track=maybe(st.booleans()),
        labels=labels,
        tags=tags,
        metadata=metadata,
        tools=maybe(st.lists(st.sampled_from(["crm:find", "pay"]), max_size=2)),
    )


def journeys(bot_id: str) -> st.SearchStrategy[Journey]:
    return st.builds(
        Journey,
        id=st.sampled_from(IDS).map(lambda x: f"{bot_id}.j-{x}"),
        title=words,
        description=texts,
        conditions=st.lists(words, max_size=2),
        labels=labels,
        priority=maybe(st.integers(0, 1)),
        composition_mode=modes,
        tags=tags,
    )


def terms(bot_id: str) -> st.SearchStrategy[Term]:
    return st.builds(
        Term,
        id=st.sampled_from(IDS).map(lambda x: f"{bot_id}.t-{x}"),
        name=words,
        description=texts,
        synonyms=maybe(st.lists(words, max_size=2)),
        tags=tags,
    )


@st.composite
def bots(draw: st.DrawFn, bot_id: str = "desk") -> Bot:
    gs = draw(st.lists(guidelines(bot_id), max_size=3, unique_by=lambda g: g.id))
    js = draw(st.lists(journeys(bot_id), max_size=2, unique_by=lambda j: j.id))
    ends = [f"guideline:{g.id}" for g in gs] + [f"journey:{j.id}" for j in js] + ["tag:vip"]
    pairs = st.tuples(st.sampled_from(ends), st.sampled_from(ends)).filter(lambda p: p[0] != p[1])
    kind = st.sampled_from(["priority", "dependency"])
    ties = st.builds(lambda k, p: Relationship(kind=k, source=p[0], target=p[1]), kind, pairs)
    relationships = draw(st.lists(ties, max_size=3, unique_by=str)) if len(ends) > 1 else []
    return draw(
        st.builds(
            Bot,
            id=st.just(bot_id),
            name=words,
            description=maybe(texts),
            composition_mode=modes,
            max_engine_iterations=maybe(st.integers(1, 3)),
            message_output_mode=maybe(st.sampled_from(["block", "stream"])),
            tags=tags,
            guidelines=st.just(gs),
            journeys=st.just(js),
            terms=st.lists(terms(bot_id), max_size=2, unique_by=lambda t: t.id),
            relationships=st.just(relationships),
        )
    )
