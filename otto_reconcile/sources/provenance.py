"""Where manifests come from: which Git commit has exactly these files, and what state they are.

Git is asked for what it has stored and never for the state of the work tree: nothing here takes its
lock, runs a hook, a filter or a file system monitor of the repository, or fetches anything.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from otto_reconcile.manifest.reading import MAX_BYTES

TIMEOUT = 5.0
"""Seconds that one question to Git may take."""
ANCESTORS = 300
"""How many commits before the current one are kept, for clones that do not know it yet."""
SHORT = 12
_KEPT = ("GIT_CONFIG", "GIT_CEILING_DIRECTORIES")
_OPTIONS = (
    "--no-optional-locks",
    "--no-pager",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never",  # a partial clone would fetch what it lacks
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class State:
    """What a folder holds: `digest` is that of its content.

    `commit` is what is checked out around it, `clean` if that has exactly these files; `committed`
    is its time. `repository` and `prefix` say which folder of which repository it is; `ancestors`
    are the commits before it. `changed` is when a file was last touched.
    """

    digest: str
    commit: str | None = None
    committed: datetime | None = None
    clean: bool = False
    repository: tuple[str, ...] = ()
    prefix: str = ""
    ancestors: tuple[str, ...] = ()
    shallow: bool = False
    changed: datetime | None = None
    top: str | None = None

    @property
    def label(self) -> str:
        """For people: the commit and its time, and whether there is more than that."""
        if self.commit is None:
            return f"content {self.digest[:SHORT]}"
        when = f" of {self.committed.isoformat(timespec='seconds')}" if self.committed else ""
        more = "" if self.clean else " with changes that are not committed"
        return f"commit {self.commit[:SHORT]}{when}{more}"


@dataclass(frozen=True, slots=True)
class Provenance:
    """The state of a folder, and by file the commit that has exactly that file.

    A file that the commit has otherwise gets `<commit>-dirty`, one that it does not have gets none.
    """

    state: State | None = None
    commits: Mapping[str, str] = field(default_factory=dict)


Texts: TypeAlias = Mapping[str, Collection[Path]]
"""By manifest, the files whose text it includes."""


def of_files(files: Iterable[str], texts: Texts | None = None) -> dict[str, str]:
    """By file, the commit that it belongs to; files of any repositories."""
    names = set(files)
    inner = {str(path) for name in names for path in (texts or {}).get(name, ())}
    contents = {name: _content(Path(name)) for name in names | inner}
    commits = _with_texts(_commits(contents, {}), texts or {})
    return {name: commit for name, commit in commits.items() if name in names}


def of_folder(folder: Path, files: Iterable[Path], texts: Texts | None = None) -> Provenance:
    """Where the files of a folder come from, and the state that they are together."""
    paths = list(files)
    contents = {str(path): _content(path) for path in paths}
    repositories: dict[Path, _Repository | None] = {}
    commits = _with_texts(_commits(contents, repositories), texts or {})
    digest = hashlib.sha256()
    for name in sorted(contents):
        said = hashlib.sha256(contents[name] or b"").hexdigest()
        digest.update(f"{os.path.relpath(name, folder)}\0{said}\n".encode(errors="surrogateescape"))
    changed = _changed(paths, folder)
    state = State(digest.hexdigest(), changed=changed)
    repository = _repository_of(Path(os.path.realpath(folder)), repositories)
    if repository is None:
        return Provenance(state, commits)
    clean = all("-" not in commits.get(name, "-") for name in contents)
    return Provenance(repository.state(folder, state, clean), commits)


def is_ancestor(top: str, older: str, newer: str) -> bool | None:
    """True if the first commit comes before the second; None if the clone does not know both."""
    if not all(_is_hash(commit) for commit in (older, newer)):
        return None
    folder = Path(top)
    for commit in (older, newer):
        if _git(folder, "cat-file", "-e", f"{commit}^{{commit}}") is None:
            return None
    return _git(folder, "merge-base", "--is-ancestor", older, newer) is not None


class _Repository:
    """One work tree at its current commit."""

    def __init__(self, top: Path, commit: str, common: Path, *, shallow: bool) -> None:
        self.top, self.commit, self._common, self._shallow = top, commit, common, shallow
        self._blobs: dict[str, str] | None = None

    @classmethod
    def around(cls, folder: Path) -> _Repository | None:
        """That of a work tree; None without Git, without a commit, or if Git refuses it."""
        said = _git(
            folder, "rev-parse", "--show-toplevel", "--is-shallow-repository",
            "--path-format=absolute", "--git-common-dir", "HEAD^{commit}",
        )  # fmt: skip
        lines = os.fsdecode(said or b"").splitlines()
        if len(lines) != 4 or not _is_hash(lines[3]):
            return None
        top, shallow, common, commit = lines
        return cls(Path(top), commit, Path(common), shallow=shallow == "true")

    def blob(self, file: Path) -> str | None:
        """The id of what the commit has under this path; None if it has no such file."""
        relative = _relative(file, self.top)
        return self._tree().get(relative) if relative is not None else None

    def state(self, folder: Path, bare: State, clean: bool) -> State:
        prefix = _relative(Path(os.path.realpath(folder)), self.top) or ""
        # A manifest that was deleted and not committed: the commit is not what is here.
        below = f"{prefix}/" if prefix else ""
        gone = any(
            path.startswith(below) and not os.path.lexists(self.top / path)
            for path in self._tree()
            if path.endswith((".yaml", ".yml", ".json"))
        )
        found = _git(self.top, "rev-list", "-n", str(ANCESTORS + 1), self.commit) or b""
        return State(
            bare.digest,
            self.commit,
            self._committed(),
            clean and not gone,
            self._names(),
            prefix,
            tuple(found.decode("ascii", "replace").split()[1:]),
            self._shallow,
            bare.changed,
            str(self.top),
        )

    def _tree(self) -> dict[str, str]:
        if self._blobs is None:
            said = _git(self.top, "ls-tree", "-r", "-z", "--full-tree", self.commit) or b""
            self._blobs = {}
            for entry in said.split(b"\0"):
                about, tab, path = entry.partition(b"\t")
                mode, _, rest = about.partition(b" ")
                if tab and mode.startswith(b"100"):
                    self._blobs[os.fsdecode(path)] = rest.partition(b" ")[2].decode("ascii")
        return self._blobs

    def _committed(self) -> datetime | None:
        said = _git(self.top, "cat-file", "commit", self.commit) or b""
        for line in said.split(b"\n\n", 1)[0].splitlines():
            if line.startswith(b"committer "):
                try:
                    return datetime.fromtimestamp(int(line.split()[-2]), UTC)
                except (IndexError, ValueError, OverflowError, OSError):
                    return None
        return None

    def _names(self) -> tuple[str, ...]:
        """Digests of where the repository is and where it was cloned from: never the URL itself."""
        names = {f"path:{os.path.realpath(self._common)}"}
        origin = _git(self.top, "config", "--get", "remote.origin.url")
        if origin is not None and (url := os.fsdecode(origin).strip()):
            names.add(_origin(url, self.top))
        return tuple(sorted(hashlib.sha256(os.fsencode(n)).hexdigest()[:16] for n in names))


def _origin(url: str, top: Path) -> str:
    """The same for every way to name one remote: without scheme, user and ending."""
    path = urlsplit(url).path if url.startswith("file://") else url
    local = Path(os.path.realpath(top / path))
    if "://" not in path and local.is_dir():
        return f"path:{local / '.git' if (local / '.git').exists() else local}"
    host, _, rest = url.partition("://")[2].partition("/") if "://" in url else url.partition(":")
    host = host.rpartition("@")[2].lower()
    return f"origin:{host}/{rest.strip('/').removesuffix('.git')}"


def _commits(
    contents: Mapping[str, bytes | None], repositories: dict[Path, _Repository | None]
) -> dict[str, str]:
    found = {}
    for name, content in contents.items():
        real = Path(os.path.realpath(name))
        repository = _repository_of(real.parent, repositories)
        if repository is None or content is None:
            continue
        blob = repository.blob(real)
        if blob is not None:
            same = blob in _blob_ids(content, len(blob))
            found[name] = repository.commit[:SHORT] + ("" if same else "-dirty")
    return found


def _with_texts(commits: dict[str, str], texts: Texts) -> dict[str, str]:
    """A manifest is as its commit has it only if what it includes is, too."""
    dirty = {
        name
        for name, files in texts.items()
        if any("-" in commits.get(str(file), "-") for file in files)
    }
    return {
        name: f"{commit}-dirty" if name in dirty and "-" not in commit else commit
        for name, commit in commits.items()
    }


def _repository_of(
    folder: Path, repositories: dict[Path, _Repository | None]
) -> _Repository | None:
    """The innermost one around a folder."""
    top = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    if top is None:
        return None
    if top not in repositories:
        repositories[top] = _Repository.around(top)
    return repositories[top]


def _blob_ids(content: bytes, length: int) -> set[str]:
    """The ids that Git gives to such a file, also where it turns line ends on the way."""
    algorithm = hashlib.sha1 if length == 40 else hashlib.sha256
    forms = {content, content.replace(b"\r\n", b"\n")}
    return {algorithm(b"blob %d\0" % len(form) + form).hexdigest() for form in forms}


def _content(path: Path) -> bytes | None:
    """The bytes of a regular file; None for anything else, and none of it blocks."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        return file.read(MAX_BYTES + 1)


def _changed(files: Sequence[Path], folder: Path) -> datetime | None:
    """When a file, or a folder that has one, was last touched."""
    times = []
    for path in {folder, *files, *(file.parent for file in files)}:
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _relative(path: Path, top: Path) -> str | None:
    real = Path(os.path.realpath(top))
    if not path.is_relative_to(real):
        return None
    return "/".join(path.relative_to(real).parts)


def _is_hash(text: str) -> bool:
    return len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)


def _environ() -> dict[str, str]:
    """Ours without what would lead Git elsewhere: it is set in hooks, and in others' scripts."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GIT_") or n.startswith(_KEPT)}
    fixed = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    return {**kept, **fixed, "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What Git says; None if it refuses, is not there, or takes too long."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *_OPTIONS, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=True,
            env=_environ(),
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout
