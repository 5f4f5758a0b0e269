"""A work tree at its current commit, and the state that a folder in it is in."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from otto_reconcile.sources.git import git, is_hash

ANCESTORS = 300
"""How many commits before the current one are kept, for clones that do not know it yet."""
SHORT = 12


@dataclass(frozen=True, slots=True)
class State:
    """What a folder holds: `digest` is that of its content.

    `commit` is what is checked out around it, `clean` if that has exactly these files; `committed`
    is its time. `repository` and `prefix` say which folder of which repository it is; `ancestors`
    are the commits before it. `changed` is when a file was last touched. `branch` is the one that
    was named, where commits are followed and not a folder.
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
    branch: str | None = None

    @property
    def label(self) -> str:
        """For people: the commit and its time, and whether there is more than that."""
        if self.commit is None:
            return f"content {self.digest[:SHORT]}"
        when = f" of {self.committed.isoformat(timespec='seconds')}" if self.committed else ""
        more = "" if self.clean else " with changes that are not committed"
        return f"commit {self.commit[:SHORT]}{when}{more}"


class Repository:
    """One work tree at its current commit."""

    def __init__(self, top: Path, commit: str, common: Path, *, shallow: bool) -> None:
        self.top, self.commit, self._common, self._shallow = top, commit, common, shallow
        self._blobs: dict[str, str] | None = None

    @classmethod
    def around(cls, folder: Path) -> Repository | None:
        """That of a work tree; None without Git, without a commit, or if Git refuses it."""
        said = git(
            folder, "rev-parse", "--show-toplevel", "--is-shallow-repository",
            "--path-format=absolute", "--git-common-dir", "HEAD^{commit}",
        )  # fmt: skip
        lines = os.fsdecode(said or b"").splitlines()
        if len(lines) != 4 or not is_hash(lines[3]):
            return None
        top, shallow, common, commit = lines
        return cls(Path(top), commit, Path(common), shallow=shallow == "true")

    def blob(self, file: Path) -> str | None:
        """The id of what the commit has under this path; None if it has no such file."""
        relative = relative_to(file, self.top)
        return self._tree().get(relative) if relative is not None else None

    def state(self, folder: Path, bare: State, clean: bool) -> State:
        prefix = relative_to(Path(os.path.realpath(folder)), self.top) or ""
        # A manifest that was deleted and not committed: the commit is not what is here.
        below = f"{prefix}/" if prefix else ""
        gone = any(
            path.startswith(below) and not os.path.lexists(self.top / path)
            for path in self._tree()
            if path.endswith((".yaml", ".yml", ".json"))
        )
        found = git(self.top, "rev-list", "-n", str(ANCESTORS + 1), self.commit) or b""
        return State(
            bare.digest,
            self.commit,
            self._committed(),
            clean and not gone,
            names_of(self.top, self._common),
            prefix,
            tuple(found.decode("ascii", "replace").split()[1:]),
            self._shallow,
            bare.changed,
            str(self.top),
        )

    def _tree(self) -> dict[str, str]:
        if self._blobs is None:
            said = git(self.top, "ls-tree", "-r", "-z", "--full-tree", self.commit) or b""
            self._blobs = {}
            for entry in said.split(b"\0"):
                about, tab, path = entry.partition(b"\t")
                mode, _, rest = about.partition(b" ")
                if tab and mode.startswith(b"100"):
                    self._blobs[os.fsdecode(path)] = rest.partition(b" ")[2].decode("ascii")
        return self._blobs

    def _committed(self) -> datetime | None:
        said = git(self.top, "cat-file", "commit", self.commit) or b""
        for line in said.split(b"\n\n", 1)[0].splitlines():
            if line.startswith(b"committer "):
                try:
                    return datetime.fromtimestamp(int(line.split()[-2]), UTC)
                except (IndexError, ValueError, OverflowError, OSError):
                    return None
        return None


def names_of(folder: Path, common: Path) -> tuple[str, ...]:
    """Digests of where a repository is and where it was cloned from: never the URL itself."""
    names = {f"path:{os.path.realpath(common)}"}
    origin = git(folder, "config", "--get", "remote.origin.url")
    if origin is not None and (url := os.fsdecode(origin).strip()):
        names.add(origin_of(url, folder))
    return tuple(sorted(hashlib.sha256(os.fsencode(n)).hexdigest()[:16] for n in names))


def origin_of(url: str, top: Path) -> str:
    """The same for every way to name one remote: without scheme, user and ending."""
    path = urlsplit(url).path if url.startswith("file://") else url
    local = Path(os.path.realpath(top / path))
    if "://" not in path and local.is_dir():
        return f"path:{local / '.git' if (local / '.git').exists() else local}"
    host, _, rest = url.partition("://")[2].partition("/") if "://" in url else url.partition(":")
    host = host.rpartition("@")[2].lower()
    return f"origin:{host}/{rest.strip('/').removesuffix('.git')}"


def relative_to(path: Path, top: Path) -> str | None:
    real = Path(os.path.realpath(top))
    if not path.is_relative_to(real):
        return None
    return "/".join(path.relative_to(real).parts)
