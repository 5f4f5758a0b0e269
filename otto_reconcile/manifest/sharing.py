"""Drafts to shared documents, what is wrong with them, and what bots get of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from otto_reconcile.errors import Problem
from otto_reconcile.manifest.basics import Identified
from otto_reconcile.manifest.contents import canned_id, check_canned
from otto_reconcile.manifest.drafts import Draft, Item
from otto_reconcile.manifest.forms import GuidelineForm
from otto_reconcile.manifest.ids import complete
from otto_reconcile.manifest.messages import near
from otto_reconcile.manifest.policies import refuse_policies
from otto_reconcile.manifest.shared_forms import GlossaryForm, SharedServiceForm
from otto_reconcile.manifest.tree import child, find
from otto_reconcile.model import JSON, Bot
from otto_reconcile.model.groups import GROUPS as BOTS
from otto_reconcile.model.shared import (
    BY_NAME,
    GROUPS,
    Glossary,
    SharedDocument,
    SharedToolService,
    UsedBy,
    compose,
    services_named,
)


def link_shared(drafts: Sequence[Draft]) -> list[tuple[Draft, SharedDocument]]:
    """The shared documents of the drafts in which nothing is wrong; faults go to each draft."""
    seen: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        first = seen.setdefault((draft.kind, draft.bot_id), draft) if draft.bot_id else draft
        if first is not draft:
            where = f"{first.faults.file}:{first.root.line}"
            at = child(find(draft.root, ("metadata",)), "id") or draft.root
            message = f"the {draft.noun} `{draft.bot_id}` is there twice"
            draft.faults.add(at, message, f"see {where}")
        _check_glossary(draft)
        refuse_policies(draft)
    return [
        (draft, document)
        for draft in drafts
        if draft.form is not None and not draft.faults.problems
        for document in [_document(draft)]
        if document is not None
    ]


def note_shared(bots: Sequence[Draft], shared: Sequence[Draft]) -> None:
    """Lets the bots name what they get of the glossaries, also of those with faults."""
    for draft in bots:
        for glossary in shared:
            if glossary.kind == "Glossary" and _picks(glossary, draft):
                draft.unsure |= glossary.unsure
                for group in GROUPS:
                    names = (own for own, _ in _short_ids(glossary, group))
                    draft.shared |= {(group, _whole(draft.bot_id, group, name)) for name in names}


def _picks(glossary: Draft, bot: Draft) -> bool:
    """True also where something is wrong: nothing is said to be missing then."""
    if not isinstance(glossary.form, GlossaryForm) or bot.form is None:
        return True
    used_by = UsedBy.model_validate(glossary.form.spec.used_by.model_dump(exclude_none=True))
    labels = bot.form.metadata.labels or {}
    return used_by.picks(Bot(id=bot.bot_id, name="any", labels=labels)) if bot.bot_id else True


def _short_ids(glossary: Draft, group: str) -> Iterator[tuple[str, Item | None]]:
    start = _start(glossary, group)
    for item in glossary.groups.get(group, ()):
        yield item.id.removeprefix(start), item
    for broken, name in glossary.broken:
        if broken == group:
            yield name.removeprefix(start), None


def _start(glossary: Draft, group: str) -> str:
    """What the ids of a group begin with in a draft, and not in the document."""
    return "" if group in BY_NAME else complete(glossary.bot_id, "")


def _whole(bot_id: str, group: str, name: str) -> str:
    """The id under which a bot has its copy."""
    return name if group in BY_NAME else complete(bot_id, name)


def _check_glossary(draft: Draft) -> None:
    for group in GROUPS:
        for item in draft.groups.get(group, ()):
            form = item.form
            if isinstance(form, Identified) and form.exact_id is not None:
                at = child(item.node, "exact_id") or item.node
                hint = "write `id`; each bot has its own copy, under its own id"
                draft.faults.add(at, "what bots share has no `exact_id`", hint)
            if isinstance(form, GuidelineForm):
                if form.renamedFrom is not None:
                    at = child(item.node, "renamedFrom") or item.node
                    hint = "remove it; each bot gets the new one and loses the former"
                    draft.faults.add(at, "what bots share has no `renamedFrom`", hint)
                check_canned(draft, item.node, form.canned_responses or ())


def _document(draft: Draft) -> SharedDocument | None:
    form = draft.form
    assert isinstance(form, GlossaryForm | SharedServiceForm)
    fields: dict[str, JSON] = {
        "id": draft.bot_id,
        "labels": form.metadata.labels or {},
        "annotations": form.metadata.annotations or {},
    }
    try:
        if isinstance(form, SharedServiceForm):
            service = {"name": draft.bot_id, **form.spec.model_dump(exclude_none=True)}
            return SharedToolService.from_document(
                {**fields, "service": service, "masked": draft.masked}
            )
        return _glossary(draft, form, fields)
    except ValidationError:
        draft.faults.add(draft.root, f"this {draft.noun} cannot be kept as it is")
        return None


def _glossary(draft: Draft, form: GlossaryForm, fields: dict[str, JSON]) -> Glossary:
    parts = {
        group: [_part(draft, item, _start(draft, group)) for item in draft.groups.get(group, ())]
        for group in GROUPS
    }
    masked = {}
    for path, how in draft.masked.items():
        group, _, rest = path.partition("/")
        masked[f"{group}/{rest.removeprefix(_start(draft, group))}"] = how
    used_by = form.spec.used_by.model_dump(exclude_none=True)
    return Glossary.from_document({**fields, **parts, "used_by": used_by, "masked": masked})


def _part(draft: Draft, item: Item, start: str) -> dict[str, JSON]:
    part: dict[str, JSON] = item.form.model_dump(
        exclude={"exact_id", "renamedFrom"}, exclude_none=True
    )
    if start:
        part["id"] = item.id.removeprefix(start)
    if named := part.get("canned_responses"):
        found = (canned_id(draft, name) or name for name in named)
        part["canned_responses"] = [name.removeprefix(start) for name in found]
    return part


def notes(
    bots: Sequence[tuple[Draft, Bot]], shared: Sequence[tuple[Draft, SharedDocument]]
) -> Iterator[Problem]:
    """What is no fault, but most likely not meant, of what is loaded together."""
    for draft, document in shared:
        if isinstance(document, Glossary):
            yield from _misspelt(draft, document, [bot.id for _, bot in bots])
            picked = [bot for _, bot in bots if document.used_by.picks(bot)]
            if not picked:
                yield _note(draft, "no bot among these manifests uses this glossary")
            for bot in picked:
                yield from _hidden(draft, document, bot)
        elif not any(document.id in _named(bot, shared) for _, bot in bots):
            yield _note(draft, "no bot among these manifests names a tool of this service")


def _named(bot: Bot, shared: Sequence[tuple[Draft, SharedDocument]]) -> frozenset[str]:
    return services_named(compose(bot, (document for _, document in shared)))


def _misspelt(draft: Draft, glossary: Glossary, bot_ids: Sequence[str]) -> Iterator[Problem]:
    """Bots of a glossary that are not here, where one of nearly that id is."""
    for number, name in enumerate(glossary.used_by.bots):
        if name not in bot_ids and (hint := near(name, bot_ids)):
            at = find(draft.root, ("spec", "used_by", "bots", number))
            message = f"no bot `{name}` is among these manifests"
            yield Problem(at.file or draft.faults.file, at.line, at.column, message, hint)


def _hidden(draft: Draft, document: Glossary, bot: Bot) -> Iterator[Problem]:
    for group in GROUPS:
        own = {part.id for part in getattr(bot, group)}
        for name, item in _short_ids(draft, group):
            if item is not None and _whole(bot.id, group, name) in own:
                what = f"the {BOTS[group].kind.replace('_', ' ')} `{name}`"
                message = f"bot `{bot.id}` has {what} itself, which goes before this one"
                yield Problem(
                    item.node.file or draft.faults.file, item.node.line, item.node.column, message
                )


def _note(draft: Draft, message: str) -> Problem:
    return Problem(draft.faults.file, draft.root.line, draft.root.column, message)
