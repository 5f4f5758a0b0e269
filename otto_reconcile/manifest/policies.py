"""How a bot is looked after: `suspend`, `ignore` and its wave. They are kept as annotations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import ValidationError, create_model

from otto_reconcile.manifest.basics import Form
from otto_reconcile.manifest.bot_forms import BotMetadataForm, WindowForm
from otto_reconcile.manifest.drafts import Draft
from otto_reconcile.manifest.field_types import cron_fault
from otto_reconcile.manifest.messages import near, short, validate
from otto_reconcile.manifest.shared_forms import SharedMetadataForm
from otto_reconcile.manifest.tree import Node, child, find, key_at
from otto_reconcile.model import JSON, Bot, get_kind
from otto_reconcile.model.bot import IGNORE, RENAMED, SUSPEND, WAVE, WINDOWS
from otto_reconcile.model.former import are_written, as_data, renamed_parts
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.part import Text
from otto_reconcile.model.shared import Declaration
from otto_reconcile.model.windows import begins, duration_of

_CRON = "write five fields, for example `0 9 * * mon-fri`"
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_PREFIX = "otto/"
_AT = ("metadata", "annotations")
_FIELDS: dict[str, Any] = {
    IGNORE: (list[Text], []),
    SUSPEND: (bool, False),
    WAVE: (Any, 0),
    WINDOWS: (list[WindowForm], []),
}
_NAMES = [name.removeprefix(_PREFIX) for name in _FIELDS]
AnnotationsForm = create_model("AnnotationsForm", __base__=Form, **_FIELDS)
"""The annotations of a bot that mean something here."""
_HINT = "write FIELD of the bot, GROUP/ID/FIELD of a part of it, or GROUP/*/FIELD"


def annotations_of(form: BotMetadataForm | SharedMetadataForm) -> dict[str, JSON]:
    """The annotations, with what the metadata says beside them."""
    said: dict[str, JSON] = {}
    if isinstance(form, BotMetadataForm):
        said |= {SUSPEND: True} if form.suspend else {}
        said |= {IGNORE: list(form.ignore)} if form.ignore else {}
        windows = [window.model_dump(exclude_none=True) for window in form.windows or ()]
        said |= {WINDOWS: windows} if windows else {}
    return {**(form.annotations or {}), **said}


def policies_of(declaration: Declaration) -> tuple[dict[str, JSON], dict[str, JSON]]:
    """The same the other way: keys of the metadata, and the other annotations."""
    others = dict(declaration.annotations)
    policies: dict[str, JSON] = {}
    if others.get(SUSPEND) is True:
        policies["suspend"] = others.pop(SUSPEND)
    said = others.get(IGNORE)
    if isinstance(said, list) and said and all(isinstance(one, str) for one in said):
        policies["ignore"] = others.pop(IGNORE)
    if isinstance(others.get(WINDOWS), list) and others[WINDOWS]:
        policies["windows"] = others.pop(WINDOWS)
    if isinstance(declaration, Bot) and are_written(declaration):
        del others[RENAMED]  # the parts themselves say it
    return policies, others


def check_policies(drafts: Iterable[Draft]) -> None:
    """Whatever says how a bot is looked after and cannot be followed is a fault."""
    for draft in drafts:
        if draft.kind == "Bot" and not any(p[0] == "metadata" for p in draft.secrets):
            said = draft.metadata
            _check(draft, said, find(draft.root, ("metadata",)), ("windows", "ignore"))
            _check_annotations(draft, said)


def refuse_policies(draft: Draft) -> None:
    """An annotation of what bots share that would say how it is looked after is a fault."""
    for name in _own(child(find(draft.root, ("metadata",)), "annotations")):
        message = f"what bots share has no annotation `{short(name)}`"
        hint = f"remove it; only bots have annotations that begin with `{_PREFIX}`"
        draft.faults.add(key_at(draft.root, (*_AT, name)), message, hint)


def _own(annotations: Node | None) -> list[str]:
    """The names that are not people's own."""
    said = annotations.value if annotations is not None else None
    names = said if isinstance(said, dict) else ()
    return [name for name in names if name.lower().startswith(_PREFIX)]


def _check(draft: Draft, said: Mapping[str, JSON], within: Node, keys: tuple[str, str]) -> None:
    """What the forms alone do not tell, also where something else is wrong with the bot."""
    windows, ignored = (said.get(key) for key in keys)
    for number, window in enumerate(windows if isinstance(windows, list) else ()):
        at = find(within, (keys[0], number))
        with suppress(ValidationError):  # which is told of the whole form
            _check_cron(draft, WindowForm.model_validate(window).cron, at)
        if isinstance(window, dict):
            _check_window(draft, window, at)
    for number, path in enumerate(ignored if isinstance(ignored, list) else ()):
        if isinstance(path, str):
            _check_path(draft, path, find(within, (keys[1], number)))


def _check_annotations(draft: Draft, metadata: Mapping[str, JSON]) -> None:
    node, written = find(draft.root, _AT), metadata.get("annotations")
    said = written if isinstance(written, dict) else {}
    for name in _own(node):
        if name not in (*_FIELDS, RENAMED):
            meant = get_close_matches(name.lower().removeprefix(_PREFIX), _NAMES, 1)
            hint = f"there are: {', '.join(_FIELDS)}; begin your own with something else"
            hint = f"did you mean `{_PREFIX}{meant[0]}`?" if meant else hint
            message = f"there is no annotation `{short(name)}`"
            draft.faults.add(key_at(draft.root, (*_AT, name)), message, hint)
    _check_renamed(draft, said)
    known = {name: said[name] for name in _FIELDS if name in said}
    form, _ = validate(AnnotationsForm, known, node, draft.faults)
    wave = said.get(WAVE, 0)
    if isinstance(wave, bool) or not _WHOLE.fullmatch(str(wave)):
        at = find(node, (WAVE,))
        draft.faults.add(at, f"`{WAVE}` must be a whole number", "lower ones come first")
    _check(draft, said, node, (WINDOWS, IGNORE))
    beside = draft.form.metadata if draft.form is not None else None
    if form is not None and isinstance(beside, BotMetadataForm):
        _check_both(draft, beside, form)


def _check_both(draft: Draft, metadata: BotMetadataForm, form: Form) -> None:
    """Two places that say it may not differ: one of them would count, and nobody knows which."""
    for name in (SUSPEND, IGNORE, WINDOWS):
        key = name.removeprefix(_PREFIX)
        beside = getattr(metadata, key)
        if name in form.model_fields_set and beside not in (None, getattr(form, name)):
            at = key_at(draft.root, (*_AT, name))
            draft.faults.add(at, f"`{key}` says otherwise", "keep one of them")


def _check_renamed(draft: Draft, said: Mapping[str, JSON]) -> None:
    """What `export` writes where the parts cannot say it."""
    if RENAMED not in said:
        return
    found = renamed_parts(Bot(id="any", name="any", annotations={RENAMED: said[RENAMED]}))
    if not found or as_data(found) != said[RENAMED]:
        hint = "remove it, and write `renamedFrom` beside the `id` of what was renamed"
        message = f"`{RENAMED}` is no list of renamed parts"
        draft.faults.add(key_at(draft.root, (*_AT, RENAMED)), message, hint)


def _check_cron(draft: Draft, cron: str, at: Node) -> None:
    if not cron:
        draft.faults.add(child(at, "cron") or at, "`cron` must not be empty", _CRON)
    elif not begins(cron):
        message = f"this is no cron expression{cron_fault(cron)}"
        draft.faults.add(child(at, "cron") or at, message, _CRON)


def _check_window(draft: Draft, window: Mapping[str, JSON], at: Node) -> None:
    duration, timezone = window.get("duration"), window.get("timezone")
    if isinstance(duration, str) and duration_of(duration) is None:
        hint = "write days, hours and minutes, such as 8h, 1d12h or 90m"
        draft.faults.add(child(at, "duration") or at, "this is no duration", hint)
    try:
        ZoneInfo(timezone if isinstance(timezone, str) and timezone else "UTC")
    except (KeyError, ValueError, OSError):
        message = f"`{short(str(timezone))}` is no time zone that this machine knows"
        meant = near(str(timezone), available_timezones())
        draft.faults.add(child(at, "timezone") or at, message, meant or "Europe/Berlin is one")


def _check_path(draft: Draft, path: str, at: Node) -> None:
    group, *rest = path.split("/")
    known = [name for name in GROUPS if GROUPS[name].is_sole]
    if len(rest) not in (0, 2) or (rest and group not in known):
        hint = near(group, known) if len(rest) == 2 else None
        draft.faults.add(at, f"`{short(path)}` is no field that could be ignored", hint or _HINT)
        return
    kind = get_kind(GROUPS[group].kind if rest else "agent")
    field = rest[1] if rest else group
    if field not in kind.by_name:
        hint = near(field, kind.by_name) or f"there are: {', '.join(sorted(kind.by_name))}"
        what = f"a {kind.name.replace('_', ' ')}" if rest else "a bot"
        draft.faults.add(at, f"{what} has no field `{short(field)}`", hint)
    found = {item.id for item in draft.groups.get(group, ())}
    found |= {name for other, name in (*draft.broken, *draft.shared) if other == group}
    ids = {name.removeprefix(f"{draft.bot_id}.") for name in found}
    if rest and rest[0] != "*" and rest[0] not in ids and not draft.unsure:
        message = f"there is no `{short(rest[0])}` in `{group}`"
        draft.faults.add(at, message, near(rest[0], ids) or _HINT)
