"""Imports a folder of manifests into the desired state: as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from otto_reconcile import manifest
from otto_reconcile.desired import Desired, DesiredState, Source
from otto_reconcile.errors import Guarded, InvalidInput, Problem
from otto_reconcile.manifest import Loaded, LoadedDeclaration
from otto_reconcile.model import is_reserved
from otto_reconcile.model.shared import Declaration, called, stream_of
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.records.events import NEWER, ROLLBACK
from otto_reconcile.records.renames import note_from, note_to
from otto_reconcile.records.rollbacks import advice, holds
from otto_reconcile.runtime.collecting import uncollected
from otto_reconcile.sources.departures import (
    departed,
    left_behind,
    refuse_lost,
    refuse_shared,
    sources_of,
)
from otto_reconcile.sources.lineage import Lineage, Record, is_older
from otto_reconcile.sources.provenance import Provenance
from otto_reconcile.sources.renamed import renames, staying
from otto_reconcile.sources.repository import State
from otto_reconcile.sources.roots import has_moved, home_of


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; all are ids of bots and names of shared documents, sorted.

    `moved` are as they were, but belonged to another folder until now, or were rolled back to what
    their manifest says now. `withheld` are deletions that the guard refused, for the reason in
    `guarded`, and what a newer version wrote last. The rows of what is `rewritten`, which was
    unchanged otherwise, were written again.
    `rolled_back` stays as it is though its manifest says otherwise, by name with what to do, and is
    among the unchanged. `warnings` name what a person decides. `record` is the folder's afterwards.
    With `behind` nothing was done: the folder is older than what was imported from it last, which
    that record says.
    """

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    guarded: Guarded | None = None
    warnings: tuple[str, ...] = ()
    rolled_back: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = field(default=(), repr=False)
    rewritten: tuple[str, ...] = ()
    record: Record | None = None
    behind: Record | None = None

    @property
    def changes(self) -> bool:
        return bool(self.created or self.updated or self.moved or self.deleted)


def load(
    paths: list[Path],
    environ: Mapping[str, str],
    texts: dict[str, frozenset[Path]] | None = None,
    env: str | None = None,
) -> Loaded:
    """All that the manifests hold; `texts` and `env` as in `manifest.load`.

    Raises InvalidInput with every fault of every file.
    """
    loaded = manifest.load(paths, environ=environ, texts=texts, env=env)
    problems = [
        Problem(
            b.file, b.line, 1, f"the bot {b.bot.id!r} is reserved", "choose another id and name"
        )
        for b in loaded.bots
        if is_reserved(b.bot.id, b.bot.name)
    ]
    if problems:
        raise InvalidInput(problems)
    return loaded


def files_of(folder: Path, loaded: Loaded) -> list[Path]:
    """The files of a folder that count for what state it is in: all but those of others."""
    others = {problem.file for problem in loaded.foreign}
    own = [file for file in manifest.files_below(folder) if str(file) not in others]
    return [*own, *sorted(frozenset().union(*loaded.texts.values()).difference(own))]


def import_folder(
    desired: DesiredState,
    lineage: Lineage,
    declarations: tuple[LoadedDeclaration, ...],
    made_from: Provenance,
    *,
    actor: str,
    root: Path,
    foreign: Sequence[Problem] = (),
    witnesses: Collection[str] = (),
    others: Collection[str] = (),
    by_request: bool = False,
    over_rollbacks: bool = False,
) -> Imported:
    """As `bring_in` for a whole folder, of which the store keeps what state it was imported in.

    An older state than that is not imported, unless it is asked for (`by_request`), or the caller
    has seen the folder itself go back: `witnesses` are the states that it saw the folder in
    (`Record.at`), of which the record has one. Raises StoreUnavailable and InvalidInput.
    """
    state = made_from.state
    assert state is not None
    before = lineage.find(str(root), state)
    deliberate = by_request or (before is not None and before.at in witnesses)
    if before is not None and not deliberate and is_older(state, before):
        return Imported(behind=before)
    names = before.names if before is not None else ()
    imported = bring_in(
        desired,
        declarations,
        actor=actor,
        root=root,
        commits=made_from.commits,
        about=made_from.about,
        others=others,
        names=names,
        foreign=foreign,
        over_rollbacks=over_rollbacks,
    )
    after = lineage.note(str(root), state, imported.names, by=actor, force=deliberate)
    if not deliberate and is_older(state, after):  # another was faster, with a newer state
        lineage.disturb(after)
        return replace(imported, record=after, behind=after)
    return replace(imported, record=after)


def behind(root: Path, state: State, record: Record, remedy: str) -> str:
    """A sentence for a source that is older than what was imported last, and what to do."""
    there = [name for name in record.names if name != str(root)]
    place = f" from {there[-1]}" if there and str(root) != record.names[-1] else ""
    when = record.time.isoformat(timespec="seconds")
    return (
        f"{root} is behind: it is at {state.label}, and {record.state.label} was imported"
        f"{place} by {record.by} at {when}; nothing older is imported. {remedy}"
    )


@uncollected()
def bring_in(
    desired: DesiredState,
    declarations: tuple[LoadedDeclaration, ...],
    *,
    actor: str,
    root: Path | None = None,
    commits: Mapping[str, str] | None = None,
    about: Mapping[str, str] | None = None,
    names: Collection[str] = (),
    others: Collection[str] = (),
    kind: str = "manifest",
    prune: bool = True,
    foreign: Sequence[Problem] = (),
    over_rollbacks: bool = False,
) -> Imported:
    """Wants bots and shared documents so; what came from the folder `root` and left it is deleted.

    What came from another folder and is in this one belongs to this one from now on. Without
    `root`, or without `prune`, nothing is deleted, and what is as it was stays whose it was.
    `commits` are those of the files, and `about` tells of the one commit that all is of; `names`
    are other names of the folder, `others` those of sources that are followed too; `foreign` are
    files of it that are no manifests. Raises StoreUnavailable, InTwoSources, and InvalidInput if
    something would be deleted because its manifest is no longer one. The rows of what stays as it
    was are written again where they are damaged or gone. What was rolled back stays so until its
    manifest changes, unless this import goes `over_rollbacks`.
    """
    amiss = desired.ingest().amiss
    known = desired.read()
    before, sources = declarations_of(known), sources_of(known)
    home = home_of(root, names, sources)
    owner = home if prune else None
    refuse_shared(sources, declarations, others)
    if owner is not None:
        refuse_lost(sources, declarations, foreign, owner)
    new, updated, moved, unchanged, again = [], [], [], [], set()
    followed: list[tuple[Declaration, Source]] = []  # rolled back, and their file has moved
    rolled_back: dict[str, str] = {}
    unreadable = {**known.unreadable, **known.unreadable_shared}
    newer = {name for name, why in unreadable.items() if why == NEWER}
    for loaded in declarations:
        name = stream_of(loaded.declaration)
        wanted = before.get(name)
        if name in newer:
            continue
        if wanted is None:
            new.append(loaded)
        elif not over_rollbacks and holds(sources[name], loaded.declaration):
            stays = replace(sources[name], path=loaded.file)
            rolled_back[name] = str(advice(stays))
            if home is not None and has_moved(sources[name], loaded.file, home):
                followed.append((wanted, stays))
                again.add(name)
            else:
                unchanged.append(loaded)
        elif wanted.digest() != loaded.declaration.digest():
            updated.append(loaded)
        elif home is not None and has_moved(sources[name], loaded.file, home):
            updated.append(loaded)
            again.add(name)
        elif sources[name].kind == ROLLBACK or (owner is not None and owner.has_not(sources[name])):
            moved.append(loaded)
            again.add(name)
        else:
            unchanged.append(loaded)
    moving = renames(declarations, sources, owner)
    gone, withheld, guarded = departed(desired, known, declarations, owner, moving)
    here = sorted(newer & {stream_of(loaded.declaration) for loaded in declarations})
    kept = [f"{called(name)} stays as it is: {NEWER}" for name in here]
    source = Source(kind, root=str(root) if root is not None else None, **(about or {}))
    pairs = [(w.declaration, _of(source, w, commits or {})) for w in (*new, *updated, *moved)]
    pairs = [_named(declaration, of, moving) for declaration, of in pairs]
    pairs += followed
    desired.put_many(pairs, actor=actor, moved=again, leaving=[*gone, *moving])
    for former, name in sorted(moving.items()):
        desired.delete_many([former], source=replace(source, note=note_to(name)), actor=actor)
    if gone:
        desired.delete_many(gone, source=source, actor=actor)
    gone = tuple(sorted({*gone, *moving}))
    rewritten = desired.rewrite_rows(amiss & {*_names([*unchanged, *updated, *moved])})
    shifted = tuple(sorted([*_names(moved), *(stream_of(one) for one, _ in followed)]))
    done = (_names(new), _names(updated), gone, shifted, _names(unchanged))
    written = (f"{called(name)}: {WRITTEN_AGAIN}" for name in rewritten)
    stay = staying(declarations, moving, before)
    warnings = (*kept, *written, *stay, *left_behind(sources, declarations, owner))
    held = tuple(sorted({*withheld, *here}))
    names = home.names if home is not None else ()
    return Imported(*done, held, guarded, warnings, rolled_back, names, rewritten=tuple(rewritten))


def say_imported(
    reporter: Reporter, imported: Imported, event: str, told: Collection[str] = ()
) -> None:
    """Logs what an import changed, and what a person decides.

    What stays as it was rolled back to is said once: not of those that were `told`.
    """
    if imported.guarded is not None:
        reporter.warn(imported.guarded.sentence)
    for warning in imported.warnings:
        reporter.warn(warning)
    for name in sorted(imported.rolled_back.keys() - set(told)):
        reporter.warn(imported.rolled_back[name], bot=name)
    if imported.changes:
        reporter.say(
            event,
            created=" ".join(imported.created) or None,
            updated=" ".join(imported.updated) or None,
            moved=" ".join(imported.moved) or None,
            deleted=" ".join(imported.deleted) or None,
            unchanged=len(imported.unchanged),
        )


def _named(
    declaration: Declaration, source: Source, moving: Mapping[str, str]
) -> tuple[Declaration, Source]:
    """With a note of the id that the bot had, if it is moving now."""
    former = next((f for f, name in moving.items() if name == stream_of(declaration)), None)
    return declaration, source if former is None else replace(source, note=note_from(former))


def _of(source: Source, loaded: LoadedDeclaration, commits: Mapping[str, str]) -> Source:
    commit = commits.get(loaded.file, source.commit)
    return replace(source, path=loaded.file, commit=commit)


def declarations_of(desired: Desired) -> dict[str, Declaration]:
    """All that is wanted, by what its revisions are kept under."""
    documents = {name: one.document for name, one in desired.shared.items()}
    return {**{bot_id: wanted.bot for bot_id, wanted in desired.bots.items()}, **documents}


WRITTEN_AGAIN = "its rows were damaged or gone, and are written again"


def _names(declarations: list[LoadedDeclaration]) -> tuple[str, ...]:
    return tuple(sorted(stream_of(loaded.declaration) for loaded in declarations))
