"""What came from a folder of manifests and is not in it any more: deleted, guarded, or refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from otto_reconcile.desired import Desired, DesiredState, Source
from otto_reconcile.errors import Guarded, InvalidInput, Problem
from otto_reconcile.manifest import Loaded, LoadedDeclaration
from otto_reconcile.model.shared import called, is_shared, stream_of
from otto_reconcile.planning import guard
from otto_reconcile.records.renames import ends_in_rename
from otto_reconcile.sources.roots import Home, home_of, within


def gone_from(folder: Path, names: Collection[str], known: Desired, there: Loaded) -> set[str]:
    """What came from this folder and has no manifest in it any more, whatever the guard says.

    `names` are other names of the folder. Raises InvalidInput as `bring_in` does.
    """
    sources = sources_of(known)
    home = home_of(folder, names, sources)
    assert home is not None
    refuse_lost(sources, there.declarations, there.foreign, home)
    present = {stream_of(loaded.declaration) for loaded in there.declarations}
    return {name for name, source in sources.items() if home.has(source)} - present


def departed(
    desired: DesiredState,
    known: Desired,
    declarations: tuple[LoadedDeclaration, ...],
    home: Home | None,
    renamed: Collection[str] = (),
) -> tuple[tuple[str, ...], tuple[str, ...], Guarded | None]:
    """What is to be deleted, what the guard keeps, and its reason.

    What is `renamed` is no loss: it is deleted in any case, and counts as what stays.

    Bots are guarded for themselves, so that shared documents that are left cannot stand in for
    them; what they share stays as long as they do.
    """
    if home is None:
        return (), (), None
    sources = sources_of(known)
    there = {stream_of(loaded.declaration) for loaded in declarations} | set(renamed)
    from_here = {name for name, source in sources.items() if home.has(source)}
    going = tuple(sorted(from_here - there))
    if not going:
        return (), (), None
    went = desired.went({"manifest"}, guard.WINDOW)
    went = {name: one for name, one in went.items() if not ends_in_rename(one)}
    ours = {name for name, source in went.items() if home.has(source)}
    all_of_it = "bots and shared documents of this folder"
    try:
        of_bots = (_bots(there), _bots(from_here))
        guard.check(*of_bots, of="bots of this folder", gone=_bots(ours), folder=home.root)
        guard.check(there, from_here, of=all_of_it, gone=ours, folder=home.root)
        left = sources.keys() - set(going) | there
        guard.check(left, sources.keys(), gone=went, folder=home.root)
    except Guarded as error:
        return (), going, error
    return going, (), None


def refuse_lost(
    sources: Mapping[str, Source],
    declarations: tuple[LoadedDeclaration, ...],
    foreign: Sequence[Problem],
    home: Home,
) -> None:
    """A file that is half written, or a folder that cannot be reached, deletes nothing it held."""
    there = {stream_of(loaded.declaration) for loaded in declarations}
    files = {within(problem.file, home.names): problem for problem in foreign}
    lost = [
        replace(fault, message=f"the manifest of {name} was here; {fault.message}", hint=_MEND)
        for name, source in sources.items()
        if name not in there and home.has(source) and source.path is not None
        for fault in [_nearest(within(source.path, home.names), files)]
        if fault is not None
    ]
    if lost:
        raise InvalidInput(lost)


class InTwoSources(InvalidInput):
    """Something is declared in two sources that are followed: neither takes it from the other."""


def refuse_shared(
    sources: Mapping[str, Source],
    declarations: tuple[LoadedDeclaration, ...],
    others: Collection[str],
) -> None:
    """Raises InTwoSources for what belongs to a source that is followed beside this one."""
    found = []
    for loaded in declarations:
        name = stream_of(loaded.declaration)
        source = sources.get(name)
        if source is not None and source.root in others:
            where = f"{source.path} of {source.root}" if source.path else source.root
            message = f"{called(name)} is also in {where}, which is followed too"
            hint = "leave it in one of the two"
            found.append(Problem(loaded.file, loaded.line, 1, message, hint))
    if found:
        raise InTwoSources(found)


def _nearest(parts: tuple[str, ...], files: Mapping[tuple[str, ...], Problem]) -> Problem | None:
    """What is wrong with a file, or else with a folder above it."""
    above = (parts[:length] for length in range(len(parts), 0, -1))
    return next((files[one] for one in above if one in files), None)


_MEND = "mend it, or remove it"


def _bots(names: set[str]) -> set[str]:
    return {name for name in names if not is_shared(name)}


def sources_of(known: Desired) -> dict[str, Source]:
    sources = {bot_id: one.source for bot_id, one in known.bots.items()}
    return sources | {name: one.source for name, one in known.shared.items()}


def left_behind(
    sources: Mapping[str, Source], declarations: tuple[LoadedDeclaration, ...], home: Home | None
) -> Iterator[str]:
    """A sentence for each other folder that this one takes from, if it does not have all of it.

    It may be this one in a new place, without what was deleted meanwhile; or a folder of its own.
    """
    if home is None:
        return
    there = {stream_of(loaded.declaration) for loaded in declarations}
    elsewhere = {n: s for n, s in sources.items() if s.root and home.has_not(s)}
    for other in sorted({str(source.root) for n, source in elsewhere.items() if n in there}):
        left = tuple(sorted(n for n in elsewhere.keys() - there if elsewhere[n].root == other))
        if left:
            missing = f"{home.root} takes over from {other}, and does not have {guard.some(left)}"
            yield f"{missing}; {guard.if_meant(left, other)}"
