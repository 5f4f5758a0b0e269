"""An id of a part is one bot's: a second bot that wants it is refused, and both are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import PermanentError
from otto_reconcile.manifest import LoadedBot
from otto_reconcile.model import Bot
from otto_reconcile.records.rows.projections import SOLE
from otto_reconcile.sources.importer import bring_in
from otto_reconcile.store.base import Store

CLI = Source("cli")
Make = Callable[..., Bot]


def only(bot: Bot, name: str, bot_id: str) -> Bot:
    """A bot with these parts of another one alone."""
    fields: dict[str, Any] = {name: getattr(bot, name)}
    return Bot(id=bot_id, name=bot_id, **fields)


@pytest.mark.parametrize("name", SOLE)
@pytest.mark.parametrize("store", ["memory", "loose", "sqlite"], indirect=True)
def test_an_id_of_another_bot_is_refused(store: Store, make_bot: Make, name: str) -> None:
    state = DesiredState(store)
    state.put(make_bot("one"), source=CLI, actor="ann")
    second = only(make_bot("one"), name, "two")
    for write in (
        lambda: state.put(second, source=CLI, actor="ann"),
        lambda: state.put_many([(make_bot("three"), CLI), (second, CLI)], actor="ann"),
    ):
        with pytest.raises(PermanentError, match=r"bot 'two' cannot have .*that of bot 'one'"):
            write()
    with pytest.raises(PermanentError, match="is that of bot 'four'"):
        state.put_many([(only(make_bot("x"), name, i), CLI) for i in ("four", "five")], actor="a")
    assert set(state.read().bots) == {"one"}
    assert state.ingest().events == ()
    state.delete("one", source=CLI, actor="ann")
    assert state.put(second, source=CLI, actor="ann") is not None


def test_a_part_moves_between_bots_in_one_import(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    whole = make_bot("one")
    state.put_many([(whole, CLI), (Bot(id="two", name="Two"), CLI)], actor="ann")
    loaded = (
        LoadedBot(whole.model_copy(update={"terms": []}), "a.yaml", 1),
        LoadedBot(only(whole, "terms", "two"), "b.yaml", 1),
    )
    assert bring_in(state, loaded, actor="ann").updated == ("one", "two")
    assert [term.id for term in state.get("two").bot.terms] == ["one.t"]
    assert state.ingest().events == ()
