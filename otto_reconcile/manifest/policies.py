"""How a bot is looked after: `suspend`, `ignore` and its wave. They are kept as annotations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from zoneinfo import ZoneInfo, available_timezones

from otto_reconcile.manifest.bot_forms import BotMetadataForm, WindowForm
from otto_reconcile.manifest.drafts import Draft
from otto_reconcile.manifest.messages import near, short
from otto_reconcile.manifest.shared_forms import SharedMetadataForm
from otto_reconcile.manifest.tree import Node, child, find
from otto_reconcile.model import JSON, Bot, get_kind
from otto_reconcile.model.bot import IGNORE, RENAMED, SUSPEND, WAVE, WINDOWS
from otto_reconcile.model.former import are_written
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.shared import Declaration
from otto_reconcile.model.windows import begins, duration_of

_CRON = "write five fields, for example `0 9 * * mon-fri`"
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
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
    """A wave that is no number, and ignored fields that there are not, are faults."""
    for draft in drafts:
        if draft.form is None or not isinstance(draft.form.metadata, BotMetadataForm):
            continue
        wave = (draft.form.metadata.annotations or {}).get(WAVE, 0)
        if isinstance(wave, bool) or not _WHOLE.fullmatch(str(wave)):
            at = find(draft.root, ("metadata", "annotations", WAVE))
            draft.faults.add(at, f"`{WAVE}` must be a whole number", "lower ones come first")
        for number, window in enumerate(draft.form.metadata.windows or ()):
            _check_window(draft, window, find(draft.root, ("metadata", "windows", number)))
        for number, path in enumerate(draft.form.metadata.ignore or ()):
            _check_path(draft, path, find(draft.root, ("metadata", "ignore", number)))


def _check_window(draft: Draft, window: WindowForm, at: Node) -> None:
    if not window.cron:
        draft.faults.add(child(at, "cron") or at, "`cron` must not be empty", _CRON)
    elif not begins(window.cron):
        message = f"`{short(window.cron)}` is no cron expression of five fields that ever comes"
        draft.faults.add(child(at, "cron") or at, message, _CRON)
    if duration_of(window.duration) is None:
        hint = "write days, hours and minutes, such as 8h, 1d12h or 90m"
        draft.faults.add(child(at, "duration") or at, "this is no duration", hint)
    try:
        ZoneInfo(window.timezone or "UTC")
    except (KeyError, ValueError, OSError):
        message = f"`{short(str(window.timezone))}` is no time zone that this machine knows"
        meant = near(str(window.timezone), available_timezones())
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
    ids = {item.id.removeprefix(f"{draft.bot_id}.") for item in draft.groups.get(group, ())}
    if rest and rest[0] != "*" and rest[0] not in ids and not draft.unsure:
        message = f"there is no `{short(rest[0])}` in `{group}`"
        draft.faults.add(at, message, near(rest[0], ids) or _HINT)
