"""Reads the manifests of one commit, from its tree: no work tree is made, needed or looked at.

The loader of manifests reads files, so what it needs of the commit is written into a folder of its
own, which is gone afterwards. All that is told of a file calls it by its path in the repository.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest import Loaded
from otto_reconcile.manifest.foreign import MARK
from otto_reconcile.manifest.ignoring import NAME as IGNORING
from otto_reconcile.manifest.reading import MAX_BYTES
from otto_reconcile.sources.commits import Commit, Commits
from otto_reconcile.sources.git import GitRefused
from otto_reconcile.sources.importer import load
from otto_reconcile.sources.lineage import Lineage
from otto_reconcile.sources.provenance import Provenance
from otto_reconcile.sources.repository import State

_LINK, _SUBMODULE = "120000", "160000"
_BROKEN = (b"dangling", b"loop", b"notdir")
"""What Git says of a link that leads to nothing in the commit."""
_NO_LINK = "commit the file or folder itself"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit: its mode as Git has it, and the hash of its content."""

    mode: str
    id: str


@dataclass(frozen=True, slots=True)
class Read:
    """What the manifests of a commit hold; `digest` is that of all they are made from."""

    loaded: Loaded
    digest: str


class ContentMissing(Exception):
    """A partial clone has not the content of these `ids`."""

    def __init__(self, ids: Collection[str], file: str) -> None:
        super().__init__(f"this clone lacks the content of {file}")
        self.ids = frozenset(ids)


def read_commit(
    commits: Commits,
    commit: str,
    path: str,
    environ: Mapping[str, str] = os.environ,
    env: str | None = None,
    *,
    may_be_gone: bool = False,
) -> Read:
    """The manifests below `path`, relative to the top of the repository, as in this commit.

    `env` is the environment whose overlays change them. Where there is nothing at all that is a
    fault, unless it `may_be_gone`, as where it was imported before. Raises InvalidInput with every
    fault of every file, ContentMissing, and GitRefused.
    """
    tree = _Tree(commits, commit, PurePosixPath(path))
    if not tree.entries and not may_be_gone:
        raise InvalidInput([tree.nothing()])
    with tempfile.TemporaryDirectory(prefix="otto-commit-") as folder:
        top = Path(os.path.realpath(folder))
        asked: frozenset[str] = frozenset()
        while True:
            tree.write(top, asked)
            texts: dict[str, frozenset[Path]] = {}
            try:
                loaded, error = load([top / path], environ, texts, env), None
            except InvalidInput as invalid:
                loaded, error = Loaded(), invalid
            included = (file for files in texts.values() for file in files)
            wanted = frozenset(os.path.relpath(file, top) for file in included)
            if wanted <= asked:
                break
            asked |= wanted
        if error is not None:
            raise InvalidInput([_called(problem, top) for problem in error.problems])
        foreign = (*(_called(problem, top) for problem in loaded.foreign), *tree.remarks)
        return Read(_renamed(loaded, top, foreign), tree.digest())


def last_imported(lineage: Lineage, commits: Commits, name: str) -> Commit | None:
    """The commit at which a source was imported last. Raises StoreUnavailable, GitRefused."""
    record = lineage.find(name, State(""))
    known = record.state.commit if record is not None else None
    return commits.about(known) if known is not None else None


def provenance(
    commits: Commits, commit: Commit, read: Read, path: str, branch: str | None = None
) -> Provenance:
    """Where what was read comes from, and the state that it is; `branch` is one that was named."""
    state = State(
        read.digest,
        commit.id,
        commit.time,
        clean=True,
        repository=commits.names(),
        prefix="" if path == "." else path,
        ancestors=commits.ancestors(commit.id),
        shallow=commits.shallow,
        top=str(commits.folder),
        branch=branch,
    )
    files = (one.file for one in read.loaded.declarations)
    return Provenance(state, dict.fromkeys(files, commit.short), commit.of_source())


class _Tree:
    """What one commit has below a path, and what of it has been written out."""

    def __init__(self, commits: Commits, commit: str, path: PurePosixPath) -> None:
        self._commits, self._commit, self._path = commits, commit, path
        self.entries = dict(self._listed())
        self._written: dict[str, str] = {}
        self.remarks: tuple[Problem, ...] = ()

    def _listed(self) -> Iterator[tuple[str, Entry]]:
        below = [] if self._path == PurePosixPath() else ["--", str(self._path)]
        said = self._commits.ask("ls-tree", "-r", "-z", "--full-tree", self._commit, *below)
        for line in said.split(b"\0"):
            about, tab, path = line.partition(b"\t")
            if tab and not _leads_out(os.fsdecode(path)):
                mode, _, rest = about.decode("ascii").partition(" ")
                yield os.fsdecode(path), Entry(mode, rest.partition(" ")[2])

    def nothing(self) -> Problem:
        message = f"there is nothing of this name in commit {self._commit[:12]}"
        hint = "name the folder of the manifests with --path; `.` is the whole repository"
        return Problem(str(self._path), 1, 1, message, hint)

    def write(self, top: Path, asked: Collection[str]) -> None:
        """Writes the manifests, and what they include, as far as that is not there yet."""
        chosen = {
            path: entry
            for path, entry in self.entries.items()
            if path not in self._written and (path in asked or self._may_hold(path, entry))
        }
        self.remarks = (*self.remarks, *_submodules(chosen))
        files = {path: e.id for path, e in chosen.items() if e.mode not in (_LINK, _SUBMODULE)}
        links = [path for path, entry in chosen.items() if entry.mode == _LINK]
        behind, broken = self._behind(links)
        files |= behind
        contents = self._contents(files)
        for path, blob in files.items():
            _write(top / path, contents[blob])
        for path in broken:
            _write(top / path, None)
        if self._path != PurePosixPath() and str(self._path) not in self.entries:
            (top / self._path).mkdir(parents=True, exist_ok=True)
        self._written |= {path: files.get(path, entry.id) for path, entry in chosen.items()}

    def _may_hold(self, path: str, entry: Entry) -> bool:
        """True for a manifest by name, for what says which files are, and for what may hide one.

        The file or folder that was named may have any name.
        """
        name = PurePosixPath(path)
        below = name.relative_to(self._path)
        if any(part.startswith(".") for part in below.parts[:-1]):
            return False
        if entry.mode == _SUBMODULE or (entry.mode == _LINK and not name.suffix):
            return True  # a folder of manifests may be behind it
        return not below.parts or name.name == IGNORING or manifest.is_manifest(Path(name))

    def _behind(self, links: Collection[str]) -> tuple[dict[str, str], list[str]]:
        """By link, the file of the commit to which it leads; and those that lead to nothing.

        The others are remarked on.
        """
        found: dict[str, str] = {}
        broken: list[str] = []
        for path in links:
            spec = f"{self._commit}:{path}\n".encode(errors="surrogateescape")
            said = self._commits.ask("cat-file", "--batch-check", "--follow-symlinks", given=spec)
            words = said.split()
            if len(words) == 3 and words[1] == b"blob" and b"\n" not in os.fsencode(path):
                found[path] = words[0].decode("ascii")
            elif words[:1] and words[0] in _BROKEN:
                broken.append(path)
            else:
                is_folder = words[1:2] == [b"tree"]
                where = "to a folder" if is_folder else "out of the commit"
                message = f"this link leads {where}, and is not followed"
                self.remarks = (*self.remarks, Problem(path, 1, 1, message, _NO_LINK))
        return found, broken

    def _contents(self, files: Mapping[str, str]) -> dict[str, bytes]:
        """By hash; of what is too large for a manifest, as much as shows that, and whose it is."""
        ids = sorted(set(files.values()))
        given = "".join(f"{one}\n" for one in ids).encode("ascii")
        try:
            said = self._commits.ask("cat-file", "--batch-check", given=given)
        except GitRefused:
            self._refuse_missing(files)
            raise
        lines = (line.decode("ascii", "replace").split() for line in said.splitlines())
        sizes = {line[0]: int(line[2]) for line in lines if len(line) == 3}
        small = [one for one in ids if sizes[one] <= MAX_BYTES]
        large = {one: self._outline(one) for one in ids if sizes[one] > MAX_BYTES}
        return {**large, **self._small(small)}

    def _outline(self, blob: str) -> bytes:
        """What stands for a file that is too large; one that means to be a manifest stays so."""
        said = self._commits.ask("cat-file", "blob", blob).replace(b"\0", b"")
        mark = MARK.encode()
        return (mark if mark in said else b"").ljust(MAX_BYTES + 1)

    def _refuse_missing(self, files: Mapping[str, str]) -> None:
        """Raises ContentMissing if this is a partial clone that has not all of it."""
        asked = ("rev-list", "--objects", "--no-object-names", "--no-walk", "--missing=print")
        said = self._commits.ask(*asked, self._commit, "--", str(self._path))
        lines = said.decode("ascii", "replace").splitlines()
        gone = {line[1:] for line in lines if line.startswith("?")}
        lacking = {path: blob for path, blob in files.items() if blob in gone}
        if lacking:
            raise ContentMissing(set(lacking.values()), min(lacking))

    def _small(self, ids: Collection[str]) -> dict[str, bytes]:
        given = "".join(f"{one}\n" for one in ids).encode("ascii")
        said, at, found = self._commits.ask("cat-file", "--batch", given=given), 0, {}
        for one in ids:
            end = said.index(b"\n", at)
            size = int(said[at:end].split()[2])
            found[one] = said[end + 1 : end + 1 + size]
            at = end + 1 + size + 1
        return found

    def digest(self) -> str:
        """That of all that was written out; the same for the same content under the same names."""
        lines = sorted(f"{path}\0{blob}\n" for path, blob in self._written.items())
        return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def _leads_out(path: str) -> bool:
    """True for what Git itself never makes: a path that would be outside of the repository."""
    return path.startswith("/") or ".." in path.split("/")


def _submodules(chosen: Mapping[str, Entry]) -> Iterator[Problem]:
    for path, entry in chosen.items():
        if entry.mode == _SUBMODULE:
            message = "this is a submodule, another repository, and is not read"
            yield Problem(path, 1, 1, message, "name that repository with a --git of its own")


def _write(file: Path, content: bytes | None) -> None:
    """None is a link to nothing. Raises InvalidInput for a name that no file can have here."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            file.symlink_to(f"{file.name}.missing")
        else:
            file.write_bytes(content)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidInput([Problem(str(file), 1, 1, f"it cannot be read here: {why}")]) from None


def _called(problem: Problem, top: Path) -> Problem:
    """As the repository calls its files, in whatever the problem says."""
    here = f"{top}/"
    hint = problem.hint.replace(here, "") if problem.hint is not None else None
    file, message = problem.file.replace(here, ""), problem.message.replace(here, "")
    return replace(problem, file=file, message=message, hint=hint)


def _renamed(loaded: Loaded, top: Path, foreign: tuple[Problem, ...]) -> Loaded:
    here = f"{top}/"
    return replace(
        loaded,
        bots=tuple(replace(one, file=one.file.removeprefix(here)) for one in loaded.bots),
        shared=tuple(replace(one, file=one.file.removeprefix(here)) for one in loaded.shared),
        notes=tuple(_called(problem, top) for problem in loaded.notes),
        foreign=foreign,
        texts={},
        tools=tuple(tool._replace(file=tool.file.removeprefix(here)) for tool in loaded.tools),
    )
