"""Renders the plans of many bots: as text, and as a document for JSON and YAML.

The command `diff` calls it, and `comments`, which makes a page of it. The same plans give the same
bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from otto_reconcile.model import JSON
from otto_reconcile.planning.plan import Action, Change, Operation, Plan
from otto_reconcile.planning.redaction import shown
from otto_reconcile.render.changes import change_lines
from otto_reconcile.render.lines import Line, Tone, brief, counted, visible
from otto_reconcile.render.reports import Report
from otto_reconcile.runtime.selecting import told_outside

_SIGNS = {
    Operation.CREATE: ("+", Tone.ADDED),
    Operation.UPDATE: ("~", Tone.CHANGED),
    Operation.REPLACE: ("±", Tone.CHANGED),
    Operation.DELETE: ("-", Tone.REMOVED),
}
_GROUPS = {
    Operation.CREATE: "creating",
    Operation.UPDATE: "updating",
    Operation.REPLACE: "replacing",
    Operation.DELETE: "deleting",
    Operation.REPORT: "unmanaged",
}
GROUPS = ("creating", "updating", "replacing", "deleting", "skipped", "unmanaged")
_WORDS = {
    "creating": "to create",
    "updating": "to change",
    "replacing": "to replace",
    "deleting": "to delete",
    "skipped": "held back",
    "unmanaged": "unmanaged",
}


class Section(NamedTuple):
    """A heading with the actions below it; without any it is a remark."""

    heading: Line
    actions: tuple[Action, ...] = ()


def text_lines(report: Report) -> Iterator[Line]:
    """The report for a person, the summary last."""
    for section in sections(report):
        yield section.heading
        yield from plan_lines(section.actions, indent="  ")
    yield Line(summary_line(report))


def sections(report: Report) -> Iterator[Section]:
    """What the report says, from the most important on, but for its summary."""
    told = (*([report.lost] if report.lost else ()), *report.reaching, *report.faults)
    yield from (Section(Line(f"! {visible(one)}", Tone.REMOVED)) for one in told)
    if len(report.pruned):
        yield Section(Line("for every agent", Tone.HEADING), report.pruned.actions)
    yield from map(Section, _import_lines(report))
    yield from (Section(Line(f"move: {visible(one)}", Tone.CHANGED)) for one in report.moves)
    for name, why in report.unasked.items():
        yield Section(Line(f"target {name} (not compared: {visible(why)})", Tone.REMOVED))
    for bot in report.bots:
        actions = tuple(a for a in bot.plan if a.operation is not Operation.FORGET)
        if bot.error is not None:
            why = f"{bot.called} (not compared: {visible(bot.error)})"
            yield Section(Line(why, Tone.REMOVED))
        elif actions:
            yield Section(Line(_heading(bot.called, actions), Tone.HEADING), actions)
    if len(report.foreign):
        yield Section(Line("agents of no bot", Tone.HEADING), report.foreign.actions)
    yield from (Section(Line(f"warning: {visible(w)}", Tone.CHANGED)) for w in report.warnings)
    if report.outside:
        yield Section(Line(visible(told_outside(report.outside, report.selector)), Tone.QUIET))


def _import_lines(report: Report) -> Iterator[Line]:
    parts = [f"{word} {', '.join(ids)}" for word, ids in report.imported.items() if ids]
    if parts:
        yield Line(f"import: {'; '.join(parts)}", Tone.HEADING)


def _heading(bot_id: str, actions: Sequence[Action]) -> str:
    causes = sorted({str(a.cause) for a in actions if a.operation is not Operation.REPORT})
    return f"{bot_id} ({', '.join(causes)})" if causes else bot_id


def plan_lines(actions: Sequence[Action] | Plan, *, indent: str = "") -> Iterator[Line]:
    """A line for each action, and below it its changes."""
    for action in actions:
        yield _action_line(action, indent)
        creating = action.operation is Operation.CREATE
        for change in action.changes:
            if action.operation is Operation.REPORT:  # what is there; nothing is to become of it
                added = Change(change.field, None, change.before, change.masked)
                yield from change_lines(added, creating=True, indent=f"{indent}    ")
                continue
            if creating and change.after in (None, [], {}, "", True):  # as it would be anyway
                continue
            yield from change_lines(change, creating=creating, indent=f"{indent}    ")


def _action_line(action: Action, indent: str) -> Line:
    what = f"{action.ref.kind} {visible(action.shown_key)}"
    why = f" ({visible(action.why)})" if action.why else ""
    if action.operation is Operation.REPORT:
        if action.changes:
            what = f"{', '.join(change.field for change in action.changes)} of {what}"
            return Line(f"{indent}? unmanaged {what}", Tone.QUIET)
        return Line(f"{indent}? unmanaged {what}{_called(action)}{why}", Tone.QUIET)
    if action.skipped is not None:
        reason = f"{action.operation} {what}{why}: {visible(action.skipped)}"
        return Line(f"{indent}! held back: {reason}", Tone.CHANGED)
    sign, tone = _SIGNS[action.operation]
    return Line(f"{indent}{sign} {action.operation} {what}{why}", tone)


def _called(action: Action) -> str:
    """What a thing that has only an id is about, for a person who has never seen it."""
    spec = action.observed.spec if action.observed is not None else {}
    text = next((spec[name] for name in ("name", "title", "condition") if spec.get(name)), None)
    if text is None or text == action.ref.key:
        return ""
    said = brief(text)
    return f": {said}" if len(said) <= 80 else f': {said[:76]}..."'


def summary(report: Report) -> dict[str, int]:
    """How many actions there are of each group."""
    return _counts(report.actions())


def _counts(actions: Iterable[Action]) -> dict[str, int]:
    counts = Counter(_group(action) for action in actions)
    return {group: counts[group] for group in GROUPS}


def counts_line(actions: Iterable[Action]) -> str:
    """For example `3 to create, 1 to change, 2 unmanaged`; empty for no actions."""
    return ", ".join(_told(_counts(actions)))


def _told(counts: Mapping[str, int]) -> list[str]:
    return [f"{counts[group]} {_WORDS[group]}" for group in GROUPS if counts[group]]


def _group(action: Action) -> str:
    return "skipped" if action.skipped is not None else _GROUPS[action.operation]


def summary_line(report: Report) -> str:
    """What there is to do in all, and what else is to be said."""
    parts = _told(summary(report))
    if report.reaching:
        parts.insert(0, f"{len(report.reaching)} reaching every agent")
    if report.lost:
        parts.insert(0, "some lost by the store")
    if not report.differs and not report.errors:
        parts.insert(0, "no difference")
    if degraded := sum(bool(bot.faults) for bot in report.bots):
        parts.append(f"{counted(degraded, 'bot')} Degraded")
    if report.moves:
        parts.append(f"{counted(len(report.moves), 'bot')} to move")
    if report.errors:
        parts.append(f"{len(report.errors)} not compared")
    return ", ".join(parts) or "nothing to do on the target"


def document(report: Report) -> dict[str, JSON]:
    """The report for a program: changes by group, summary, warnings, errors."""
    changes: dict[str, list[JSON]] = {group: [] for group in GROUPS}
    for target, action in report.placed_actions():
        changes[_group(action)].append(_entry(action, target))
    counts = summary(report)
    total = sum(counts[group] for group in GROUPS if group != "unmanaged")
    made: dict[str, JSON] = {
        "changes": changes,
        "summary": {**counts, "total": total},
        "reaching": list(report.reaching),
        "warnings": list(report.warnings),
        "errors": report.errors,
    }
    if report.faults:
        made["faults"] = report.faults
    if report.lost:
        made["lost"] = report.lost
    if report.moves:
        made["moves"] = list(report.moves)
    if report.outside:
        made["outside"] = list(report.outside)
    if report.imported:
        made["import"] = {word: list(ids) for word, ids in report.imported.items()}
    return made


def _entry(action: Action, target: str | None) -> dict[str, JSON]:
    entry: dict[str, JSON] = {
        **({"target": target} if target is not None else {}),
        "bot": action.bot_id,
        "kind": action.ref.kind,
        "key": action.shown_key,
        "operation": str(action.operation),
        "cause": str(action.cause),
        "changes": [_change(change) for change in action.changes],
    }
    if action.why is not None:
        entry["why"] = action.why
    if action.skipped is not None:
        entry["skipped"] = action.skipped
    return entry


def _change(change: Change) -> dict[str, JSON]:
    before, after = shown(change)
    return {"field": change.field, "before": before, "after": after}
