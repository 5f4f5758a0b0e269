"""Canned responses that are named, and customers that bots share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from otto_reconcile.manifest.drafts import Draft, Item
from otto_reconcile.manifest.forms import (
    CannedResponseForm,
    CustomerForm,
    GuidelineForm,
    JourneyForm,
)
from otto_reconcile.manifest.ids import complete, shortened
from otto_reconcile.manifest.messages import near, short
from otto_reconcile.manifest.tree import Node, child, find
from otto_reconcile.model import Bot
from otto_reconcile.model.canned_response import PREAMBLE

_GROUP = "canned_responses"


def check_contents(drafts: Sequence[Draft]) -> None:
    """Canned responses that are not there, and customers whom two bots describe otherwise."""
    for draft in drafts:
        for item in draft.groups.get("guidelines", ()):
            assert isinstance(item.form, GuidelineForm)
            check_canned(draft, item.node, item.form.canned_responses or ())
        for item in draft.groups.get(_GROUP, ()):
            assert isinstance(item.form, CannedResponseForm)
            if PREAMBLE in (item.form.tags or ()):
                at, what = child(item.node, "tags") or item.node, "a tag that makes no preamble"
                draft.faults.add(at, f"`{PREAMBLE}` is {what}", "write `preamble: true` instead")
        for item in draft.groups.get("journeys", ()):
            assert isinstance(item.form, JourneyForm)
            check_canned(draft, item.node, item.form.canned_responses or ())
    _check_customers(drafts)


def check_canned(draft: Draft, owner: Node, names: Iterable[str]) -> None:
    """A fault for each name under `canned_responses` of this mapping that the bot does not have."""
    listed: Any = child(owner, _GROUP) or owner
    for number, name in enumerate(names):
        at = listed.value[number]
        hidden = any(find(draft.root, path) is at for path in draft.secrets)
        if draft.unsure or hidden or canned_id(draft, name) is not None:
            continue
        known = [shortened(draft.bot_id, own) or own for own in sorted(_own(draft))]
        hint = near(name, known) or f"name one of this {draft.noun}'s `canned_responses` by its id"
        message = f"this {draft.noun} has no canned response `{short(name)}`"
        draft.faults.add(at, message, hint)


def canned_id(draft: Draft, name: str) -> str | None:
    """The complete id of the bot's canned response of this name; None if there is none."""
    own = _own(draft)
    return next((i for i in (name, complete(draft.bot_id, name)) if i in own), None)


def canned_name(bot: Bot, identity: str) -> str:
    """The shortest name for which `canned_id` gives this id."""
    name = shortened(bot.id, identity)
    taken = any(response.id == name for response in bot.canned_responses)
    return identity if name is None or taken else name


def _own(draft: Draft) -> set[str]:
    broken = {name for group, name in (*draft.broken, *draft.shared) if group == _GROUP}
    return broken | {item.id for item in draft.groups.get(_GROUP, ())}


def _check_customers(drafts: Sequence[Draft]) -> None:
    first: dict[tuple[str, str, str], tuple[Draft, Item, str]] = {}
    for draft in drafts:
        for item in draft.groups.get("customers", ()):
            for what, key, value in _said_of(item):
                where_first = first.setdefault((item.id, what, key), (draft, item, value))
                other, known, before = where_first
                if before != value:
                    named = f"`{short(key)}`" if what == "metadata" else what
                    message = f"bot `{other.bot_id}` says otherwise of {named} of this customer"
                    where = f"see {known.node.file or other.faults.file}:{known.node.line}"
                    hint = (
                        f"bots share customers by id: let one say it, or make them equal; {where}"
                    )
                    draft.faults.add(item.node, message, hint)


def _said_of(item: Item) -> Iterable[tuple[str, str, str]]:
    """What it is about, the key of it if it has one, and the value."""
    form = item.form
    assert isinstance(form, CustomerForm)
    if form.name is not None:
        yield "the name", "", form.name
    for key, value in (form.metadata or {}).items():
        yield "metadata", key, value
