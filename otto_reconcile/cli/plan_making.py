"""What a plan file says, and what has changed since: for `diff --out` and `apply PLAN`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from otto_reconcile import __version__
from otto_reconcile import settings as environment
from otto_reconcile.cli import plan_files
from otto_reconcile.cli.comparing import Asked, Compared, Overlay
from otto_reconcile.cli.places import Target
from otto_reconcile.cli.plan_files import (
    Decided,
    Declared,
    Imported,
    Made,
    Options,
    PlanFile,
    TargetNamed,
)
from otto_reconcile.errors import OttoError
from otto_reconcile.manifest import is_standard_input
from otto_reconcile.model import JSON, digest
from otto_reconcile.model.shared import is_shared, stream_of
from otto_reconcile.planning.plan import Operation, Plan
from otto_reconcile.reconcile.bot_plan import Planned
from otto_reconcile.records.composition import users
from otto_reconcile.records.events import now_utc
from otto_reconcile.render.plans import document
from otto_reconcile.settings import Settings, without_credentials


def refuse_unplannable(
    out: Path, bot_ids: Sequence[str], paths: Sequence[str], prune_unmanaged: bool
) -> None:
    """Raises OttoError for what no plan file can be made of, or not in this place."""
    if any(is_standard_input(Path(path)) for path in paths):
        hint = "name the files with -f"
        raise OttoError("--out needs files that can be read again, not standard input", hint=hint)
    if paths and bot_ids:
        hint = "leave out the bots, or name only their files"
        raise OttoError("a plan of an import is about all that is in the files", hint=hint)
    if paths and prune_unmanaged:
        hint = "leave out --prune-unmanaged, or -f"
        raise OttoError("an import prunes nothing that is unmanaged", hint=hint)
    if out.is_dir() or (out.exists() and not plan_files.is_plan(out)):
        raise OttoError(f"{out} is there, and is no plan file", hint="name another file")


def made_plan(
    settings: Settings,
    target: Target,
    overlay: Overlay,
    compared: Compared,
    asked: Asked,
    paths: Sequence[str],
) -> PlanFile:
    """All of it. Raises OttoError if something of it could not be done by `apply`."""
    if compared.report.pruned.acting:
        raise OttoError(
            "what reaches every agent is in no plan file",
            hint="only `run --prune-unmanaged` deletes that; leave the option out, or name bots",
        )
    concerned = _concerned(overlay, compared) if asked.inputs is not None else None
    return PlanFile(
        made=Made(
            at=now_utc().isoformat(timespec="seconds"),
            by=environment.actor(),
            store=overlay.stores.store.label,
            tool=__version__,
        ),
        target=TargetNamed(id=compared.world.target, url=without_credentials(target.url)),
        options=Options(
            bots=sorted(set(asked.bot_ids)),
            prune_unmanaged=asked.prune_unmanaged,
            take_over=sorted(set(settings.take_over)),
            env=settings.env,
        ),
        imported=_imported(overlay, asked, paths),
        decided={
            bot_id: _decided(planned)
            for bot_id, planned in compared.planned.items()
            if concerned is None or bot_id in concerned
        },
        plan=document(compared.report),
    )


def _concerned(overlay: Overlay, compared: Compared) -> set[str]:
    """The bots that an import is about, and those that have what it shares; others may change."""
    desired = compared.world.desired
    shared = (name for name in overlay.base if is_shared(name))
    return {*overlay.base, *(bot_id for name in shared for bot_id in users(name, desired))}


def _imported(overlay: Overlay, asked: Asked, paths: Sequence[str]) -> Imported | None:
    if asked.inputs is None:
        return None
    declared = {
        stream_of(loaded.declaration): Declared(
            digest=loaded.declaration.digest(), file=loaded.file
        )
        for loaded in asked.inputs.declarations
    }
    return Imported(paths=list(paths), declared=declared, base=dict(overlay.base))


def _decided(planned: Planned) -> Decided:
    wanted = planned.wanted
    return Decided(
        revision=wanted.revision if wanted is not None else 0,
        desired=wanted.bot.digest() if wanted is not None else "",
        actions=_actions_digest(planned.plan),
    )


def _actions_digest(plan: Plan) -> str:
    """Of all that is to be done or held back, with the values that are masked where it is shown."""
    return digest(
        [
            {
                "do": [str(a.operation), *a.ref, str(a.cause), a.skipped, a.why],
                "changes": [[c.field, c.before, c.after] for c in a.changes],
            }
            for a in plan
            if a.operation not in (Operation.REPORT, Operation.FORGET)
        ]
    )


def changes_since(plan: PlanFile, now: PlanFile) -> list[str]:
    """A sentence for each thing that differs from what the plan was made from."""
    if plan.target.id != now.target.id:
        return [f"the target is another one: {now.target.id} instead of {plan.target.id}"]
    found = [*_store_changes(plan, now), *_file_changes(plan, now), *_base_changes(plan, now)]
    told = {line.split(":", 1)[0] for line in found}
    for bot_id in sorted(plan.decided.keys() | now.decided.keys()):
        if bot_id not in told:
            found += _bot_changes(bot_id, plan, now)
    return found


def _store_changes(plan: PlanFile, now: PlanFile) -> Iterator[str]:
    if plan.made.store != now.made.store:
        yield f"the store is another one: {now.made.store} instead of {plan.made.store}"


def _file_changes(plan: PlanFile, now: PlanFile) -> Iterator[str]:
    before = plan.imported.declared if plan.imported is not None else {}
    after = now.imported.declared if now.imported is not None else {}
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"{name}: its manifest is no longer there ({before[name].file})"
        elif name not in before:
            yield f"{name}: it has a manifest now ({after[name].file})"
        elif before[name].digest != after[name].digest:
            yield f"{name}: its manifest says something else ({after[name].file})"


def _base_changes(plan: PlanFile, now: PlanFile) -> Iterator[str]:
    before = plan.imported.base if plan.imported is not None else {}
    after = now.imported.base if now.imported is not None else {}
    declared = {n for p in (plan, now) if p.imported is not None for n in p.imported.declared}
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            if name not in declared:
                yield f"{name}: it is {'no longer' if name in before else 'now'} to be deleted"
        elif before[name] != after[name]:
            yield _moved(name, before[name], after[name])


def _moved(name: str, before: int, after: int) -> str:
    return f"{name}: its desired state is at revision {after}, the plan was made at {before}"


def _bot_changes(bot_id: str, plan: PlanFile, now: PlanFile) -> Iterator[str]:
    before, after = plan.decided.get(bot_id), now.decided.get(bot_id)
    if before == after:
        return
    if before is None or after is None:
        yield f"{bot_id}: it is {'new' if before is None else 'no longer wanted or there'}"
    elif before.revision != after.revision:
        yield _moved(bot_id, before.revision, after.revision)
    elif before.desired != after.desired:
        yield f"{bot_id}: its desired state differs, in what it shares or in a secret"
    else:
        yield from _action_changes(bot_id, plan.plan, now.plan)


def _action_changes(bot_id: str, plan: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs on the target, as the actions tell it."""
    before, after = _entries(bot_id, plan), _entries(bot_id, now)
    lines = []
    for what in sorted(before.keys() | after.keys()):
        if what not in after:
            lines.append(f"{bot_id}: no longer to be done on the target: {what}")
        elif what not in before:
            lines.append(f"{bot_id}: to be done on the target now: {what}")
        elif before[what] != after[what]:
            lines.append(f"{bot_id}: otherwise on the target than in the plan: {what}")
    yield from lines or [f"{bot_id}: a masked value on the target is another one"]


def _entries(bot_id: str, plan: Mapping[str, Any]) -> dict[str, JSON]:
    return {
        f"{entry['operation']} {entry['kind']} {entry['key']}": entry
        for group, entries in plan["changes"].items()
        for entry in entries
        if entry["bot"] == bot_id and group != "unmanaged"
    }
