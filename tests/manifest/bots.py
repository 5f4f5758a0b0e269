"""Hypothesis strategies for bots with nasty texts. Used by the tests of dumping."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from otto_reconcile.manifest.journeys import bound
from otto_reconcile.model import (
    Bot,
    Guideline,
    Journey,
    Masked,
    Relationship,
    State,
    Term,
    ToolService,
    Transition,
)
from otto_reconcile.model.bot import CannedField, CannedResponse, Capability, Customer, Variable

NASTY = [
    "no", "on", "yes", "null", "~", "true", "1e3", "0o17", "017", "0x1F", "2024-01-01", "1_000",
    "${", "$${", "$$${HOME}", "${HOME}", "${secret:X}", "'", '"', "\\", "a: b", "a #b", "#", "- a",
    "[a", "{a", "&a", "*a", "!a", "%a", "@a", "`a", "|", ">", " lead", "trail ", "a\nb", "a\nb\n",
    "a\n\nb\n\n", "\na", "a \nb", "  a\nb", "a\n  b\n", "\t", "a\tb", "a\r\nb", "é", "日本語",
    "👍", "a\u2028b", "a\x85b", "\ufeffa", "a\x00b", "a\x07", "<<", "=", "---", "...", "? a", "1",
    "-", ".inf", ".nan", "12:30:45", "a" * 300, "word " * 60,
]  # fmt: skip

any_text = st.sampled_from(NASTY) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=0, max_size=30
)
key = any_text.filter(lambda value: "\0" not in value)  # which BSON cannot hold
text = any_text.filter(str.strip)
label = key.filter(str.strip)
tool = text.filter(
    lambda value: value.count(":") < 2 and all(part.strip() for part in value.split(":"))
)
name = text.filter(lambda value: len(value) <= 100)
tag = text.filter(lambda value: len(value) <= 50)
short = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True)
exact = st.from_regex(r"(\.{0,2}[A-Za-z0-9_-]|\.{3})[A-Za-z0-9._-]{0,11}", fullmatch=True)
whole = st.integers(-(2**63) + 1, 2**63 - 1)
scalar = st.none() | st.booleans() | whole | st.floats(allow_nan=False, allow_infinity=False)
data: st.SearchStrategy[Any] = st.dictionaries(
    key,
    st.recursive(
        scalar | any_text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(key, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)
modes = st.sampled_from(["fluid", "composited", "strict"])


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def many(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return maybe(st.lists(strategy, max_size=3))


def bot_ids() -> st.SearchStrategy[str]:
    return short | exact


@st.composite
def part_ids(draw: st.DrawFn, bot_id: str, number: int) -> str:
    """A complete id, own to this bot and number; short, or as another program made it."""
    if draw(st.booleans()):
        return f"{bot_id}.{draw(short)}{number}"
    return f"{draw(exact)}_{bot_id}_{number}"


@st.composite
def bots(draw: st.DrawFn, bot_id: str | None = None) -> Bot:
    """A bot without circles; its ids are its own among bots with other ids."""
    bot_id = bot_id or draw(bot_ids())
    canned = draw(canned_responses(bot_id))
    canned_ids = [response.id for response in canned]
    guidelines = [
        Guideline(
            id=draw(part_ids(bot_id, number)), condition=draw(text), action=draw(maybe(any_text)),
            description=draw(maybe(any_text)),
            criticality=draw(maybe(st.sampled_from(["low", "medium", "high"]))),
            composition_mode=draw(maybe(modes)), enabled=draw(maybe(st.booleans())),
            priority=draw(maybe(whole)), track=draw(maybe(st.booleans())),
            labels=draw(many(any_text)), tags=draw(many(tag)), metadata=draw(maybe(data)),
            tools=draw(many(tool)),
            canned_responses=draw(many(st.sampled_from(canned_ids))) if canned_ids else None,
        )
        for number in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    journeys = [
        Journey(
            id=draw(part_ids(bot_id, number)), title=draw(name), description=draw(any_text),
            conditions=draw(st.lists(text, max_size=3)), labels=draw(many(any_text)),
            priority=draw(maybe(whole)), composition_mode=draw(maybe(modes)),
            tags=draw(many(tag)), states=draw(maybe(states(canned_ids))),
        )
        for number in range(draw(st.integers(0, 2)))
    ]  # fmt: skip
    journeys += draw(through(bot_id, journeys))
    terms = [
        Term(
            id=draw(part_ids(bot_id, number)), name=draw(name), description=draw(text),
            synonyms=draw(many(text)), tags=draw(many(tag)),
        )
        for number in range(draw(st.integers(0, 2)))
    ]  # fmt: skip
    bot = Bot(
        id=bot_id, name=draw(name), description=draw(maybe(any_text)),
        composition_mode=draw(maybe(modes)), max_engine_iterations=draw(maybe(st.integers(1, 9))),
        message_output_mode=draw(maybe(st.sampled_from(["block", "stream"]))),
        tags=draw(many(tag)), labels=draw(st.dictionaries(key, any_text, max_size=2)),
        annotations=draw(data), guidelines=guidelines, journeys=journeys, terms=terms,
        canned_responses=canned, variables=draw(variables()), capabilities=draw(capabilities()),
        customers=draw(customers(bot_id)), tool_services=draw(tool_services(bot_id)),
    )  # fmt: skip
    related = draw(relationships(bot))
    if guidelines and journeys and draw(st.booleans()):
        related.append(bound(guidelines[-1].id, journeys[-1].id))
    return bot.model_copy(update={"relationships": related})


@st.composite
def states(draw: st.DrawFn, canned_ids: list[str]) -> list[State]:
    """A graph that keeps the rules: each state leads to the next one, and to any chat state."""
    kinds = draw(st.lists(st.sampled_from(["chat", "tool", "fork"]), min_size=1, max_size=2))
    kinds = ["chat", *(kind for one in kinds for kind in (one, "chat"))]
    names = [f"{draw(short)}{number}" for number in range(len(kinds))]
    chats = [name for name, kind in zip(names, kinds, strict=True) if kind == "chat"]
    found = []
    for number, (kind, name) in enumerate(zip(kinds, names, strict=True)):
        below = [*names, "end"][number + 1]
        others = st.lists(st.sampled_from([*chats, *(["end"] if kind != "tool" else [])]))
        targets = [below, *draw(others)][:3]
        ways = [Transition(to=to, when=f"{draw(text)} {n}") for n, to in enumerate(targets)]
        if kind != "fork" and draw(st.booleans()):
            ways = [Transition(to=below)]
        said: dict[str, Any] = {"chat": draw(text)} if kind == "chat" else {}
        if kind == "tool":
            said = {"tools": draw(st.lists(tool, min_size=1, max_size=2)), "instruction": "both"}
        if kind != "fork":
            said |= {"description": draw(maybe(text)), "metadata": {"a": draw(scalar)}}
        if kind == "chat" and canned_ids:
            said["canned_responses"] = draw(many(st.sampled_from(canned_ids)))
        found.append(State(id=name, next=ways, **said))
    return found


@st.composite
def through(draw: st.DrawFn, bot_id: str, journeys: list[Journey]) -> list[Journey]:
    """Perhaps a journey that goes through one of these, and guidelines of a journey after it."""
    inner = [journey for journey in journeys if journey.states]
    if not inner or draw(st.booleans()):
        return []
    first = State(id="first", chat="Hello", next=[Transition(to="inner")])
    second = State(id="inner", journey=inner[0].id, next=[Transition(to="first")])
    journey = Journey(
        id=f"{bot_id}.outer-9", title="t", description="", conditions=[], states=[first, second]
    )
    return [journey]


@st.composite
def canned_responses(draw: st.DrawFn, bot_id: str) -> list[CannedResponse]:
    left_open = st.builds(
        CannedField, name=text, description=any_text, examples=st.lists(any_text, max_size=2)
    )
    return [
        CannedResponse(
            id=draw(part_ids(bot_id, number)), value=draw(text.filter(is_template)),
            fields=draw(many(left_open)), signals=draw(many(text)),
            field_dependencies=draw(many(text)), tags=draw(many(tag)), metadata=draw(maybe(data)),
        )
        for number in range(draw(st.integers(0, 2)))
    ]  # fmt: skip


def is_template(value: str) -> bool:
    return not any(sign in value for sign in ("{{", "}}", "{%", "%}", "{#"))


def variables() -> st.SearchStrategy[list[Variable]]:
    one_line = tag.filter(lambda name: not {"\n", "\0"} & set(name))
    whose = st.just("default") | one_line.map("tag:{}".format) | exact.map("customer:{}".format)
    given = data.filter(bool).map(lambda found: next(iter(found.values()))) | any_text
    values = st.dictionaries(whose, given.filter(lambda value: value is not None), max_size=2)
    without_tool = st.builds(
        Variable, name=text, description=maybe(any_text), values=maybe(values), tags=many(tag)
    )
    with_tool = st.builds(
        Variable, name=text, tool=tool, freshness_rules=st.sampled_from(["0 8 * * *", "@daily"])
    )
    return st.lists(without_tool | with_tool, max_size=2, unique_by=lambda one: one.id)


def capabilities() -> st.SearchStrategy[list[Capability]]:
    one = st.builds(Capability, title=name, description=text, signals=many(text), tags=many(tag))
    return st.lists(one, max_size=2, unique_by=lambda capability: capability.id)


def customers(bot_id: str) -> st.SearchStrategy[list[Customer]]:
    one = st.builds(
        Customer,
        id=exact.map(lambda found: f"{found}.{bot_id}"),
        name=maybe(text),
        metadata=maybe(st.dictionaries(key, any_text, max_size=2)),
        tags=many(tag),
    )
    return st.lists(one, max_size=2, unique_by=lambda customer: customer.id)


def tool_services(bot_id: str) -> st.SearchStrategy[list[ToolService]]:
    """Of each kind at most one, with names that no other bot has."""
    host = st.from_regex(r"https?://[a-z]{1,9}(:[1-9][0-9]{1,3})", fullmatch=True)
    sdk = st.builds(ToolService, name=st.just(f"{bot_id}-s"), kind=st.just("sdk"), url=host)
    api = st.builds(
        ToolService, name=st.just(f"{bot_id}-o"), kind=st.just("openapi"), url=host, source=text
    )
    return st.tuples(maybe(sdk), maybe(api)).map(lambda some: [s for s in some if s is not None])


@st.composite
def relationships(draw: st.DrawFn, bot: Bot) -> list[Relationship]:
    """From earlier to later ends only, so that there is no circle."""
    ends = [
        *(f"guideline:{item.id}" for item in bot.guidelines),
        *(f"journey:{item.id}" for item in bot.journeys),
        *(["agent:" + bot.id, "guideline:foreign", "guideline:other-bot.some-id"]),
        *(["tag:" + draw(tag).replace("\n", "/"), "tool:" + "service:tool"]),
    ]
    pairs = [(a, b) for place, a in enumerate(ends) for b in ends[place + 1 :]]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=4, unique=True))
    return [Relationship(kind="priority", source=a, target=b) for a, b in chosen]


def with_secrets(bot: Bot, value: str) -> Bot:
    """The bot with a secret in its description and in every action, as loading would make it."""
    made = Masked(template="say ${API_TOKEN} $${x}", variables=["API_TOKEN"])
    said = f"say {value} ${{x}}"
    return bot.model_copy(
        update={
            "description": said,
            "guidelines": [g.model_copy(update={"action": said}) for g in bot.guidelines],
            "masked": {
                "description": made,
                **{f"guidelines/{g.id}/action": made for g in bot.guidelines},
            },
        }
    )
