"""A bare clone of a remote repository in the data directory, kept up to date with one branch.

It has the commits and trees of the branch, and of the contents only those that were asked for,
where the server can leave them out. Git's own means give the credentials: the SSH agent,
`GIT_ASKPASS`, credential helpers; and a token of the environment (`OTTO_GIT_TOKEN`), which Git asks
a helper for. No credential is in an argument of a process, in a file, or in what is told.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from otto_reconcile.errors import TemporaryError
from otto_reconcile.runtime.escaping import visible, without_logins
from otto_reconcile.sources.commits import Commits
from otto_reconcile.sources.git import GitRefused, ask, environ, is_hash
from otto_reconcile.sources.missing import Refs

LONGEST = 1800.0
"""Seconds that one fetch may take."""
LOOK = 60.0
"""Seconds that the question where a branch is may take."""
_STALE = 60.0
"""Seconds after which a lock in the mirror is one of a process that died."""
_KEPT = re.compile(r"SSH_.*|GIT_(ASKPASS|SSH|SSH_COMMAND|SSL_.*|HTTP_.*)|OTTO_GIT_.*")
_OPTIONS = (
    "--no-pager",
    "-c", "protocol.ext.allow=never",
    "-c", "http.lowSpeedLimit=1",
    "-c", "http.lowSpeedTime=60",
    "-c", "gc.autoDetach=false",
    "-c", "maintenance.autoDetach=false",
)  # fmt: skip
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
"""Not for a push: a server on this machine would take it over, and skip its own."""
_DAMAGE = ("not a git repository", "bad object", "corrupt", "unable to read", "loose object")


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a remote is, without credentials, and those that its URL had."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> Remote:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
            return cls(url)
        login, _, host = parts.netloc.rpartition("@")
        user, _, password = login.partition(":")
        bare = urlunsplit(parts._replace(netloc=host))
        return cls(bare, unquote(user) or None, unquote(password) or None)

    def environ(self) -> dict[str, str]:
        """What only the environment of a process has: nobody else's process list shows it."""
        token = self.password or os.environ.get("OTTO_GIT_TOKEN", "")
        user = self.user or os.environ.get("OTTO_GIT_USER", "") or "x-access-token"
        return {"OTTO_GIT_USER": user, "OTTO_GIT_TOKEN": token} if token else {}

    def options(self) -> tuple[str, ...]:
        """Has Git ask for the token, if there is one, and only for this server."""
        parts = urlsplit(self.url)
        if not self.environ() or parts.scheme not in ("http", "https"):
            return ()
        said = '!f() { echo "username=$OTTO_GIT_USER"; echo "password=$OTTO_GIT_TOKEN"; }; f'
        return ("-c", f"credential.{parts.scheme}://{parts.netloc}.helper={said}")


def remote_of(mirror: Path) -> Remote:
    """That of a mirror that is there. Raises GitRefused."""
    url = Commits.bare(mirror).ask("config", "--get", "remote.origin.url")
    return Remote.of(os.fsdecode(url).strip())


class Mirror:
    """Of one remote. Its methods raise TemporaryError with what Git said, without credentials."""

    def __init__(self, remote: Remote, folder: Path) -> None:
        self._remote, self.folder = remote, folder.absolute()
        self._sound = False  # looked over since the start, and since anything failed

    async def look(self, branch: str | None) -> tuple[str | None, str | None]:
        """The branch that is followed (by default the remote's own), and the commit it is at."""
        self._make()
        wanted = ("HEAD",) if branch is None else (f"refs/heads/{branch}",)
        said = await self._run("ls-remote", "--symref", "origin", *wanted, seconds=LOOK)
        at: str | None = None
        for line in said.decode("utf-8", "replace").splitlines():
            value, _, ref = line.partition("\t")
            if value.startswith("ref: ") and ref == "HEAD":
                branch = value.removeprefix("ref: ").removeprefix("refs/heads/")
            elif ref in wanted and is_hash(value):
                at = value
        return branch, at

    async def refs(self) -> Refs:
        said = await self._run("ls-remote", "--refs", "--heads", "--tags", "origin", seconds=LOOK)
        refs = [line.partition("\t")[2] for line in said.decode("utf-8", "replace").splitlines()]
        named = (
            [ref.removeprefix(kind) for ref in refs if ref.startswith(kind)]
            for kind in ("refs/heads/", "refs/tags/")
        )
        return Refs(*named)

    async def fetch(self, branch: str) -> str | None:
        """Brings the branch here, wherever it was moved; the commit that it is at now."""
        ref = f"refs/heads/{branch}"
        await self._run(
            "fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head",
            "--no-recurse-submodules", "--filter=blob:none", "origin", f"+{ref}:{ref}",
        )  # fmt: skip
        return Commits.bare(self.folder).tip(branch)

    async def complete(self, ids: Collection[str]) -> None:
        """Brings the content of these, all at once."""
        await self._run(
            "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags",
            "--no-write-fetch-head", "--no-recurse-submodules", "--filter=blob:none", "--stdin",
            "origin",
            given="".join(f"{one}\n" for one in sorted(ids)).encode("ascii"),
        )  # fmt: skip

    async def push(self, commit: str, branch: str) -> None:
        """Moves the branch of the remote to a commit that comes after where it is."""
        await self._run("push", "--quiet", "origin", f"{commit}:refs/heads/{branch}")

    def _make(self) -> None:
        """The bare repository, if it is not there; locks of a process that died are taken away."""
        if self._sound:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._is_one():
                self.remove()
                self.folder.mkdir()
                ask(self.folder, "init", "--bare", "--quiet", ".")
            Commits.bare(self.folder).ask("config", "remote.origin.url", self._remote.url)
            for lock in self.folder.rglob("*.lock"):
                if time.time() - lock.stat().st_mtime > _STALE:
                    lock.unlink(missing_ok=True)
                    self._tidy()
            self._sound = True
        except OSError as error:
            raise TemporaryError(f"{self.folder}: {error.strerror or error}") from error
        except GitRefused as refused:
            raise TemporaryError(f"{self.folder}: {refused}") from None

    def _is_one(self) -> bool:
        try:
            Commits.bare(self.folder).ask("rev-parse", "--git-dir")
        except GitRefused as refused:
            if refused.missing:
                raise
            return False
        return True

    def _tidy(self) -> None:
        """Takes away what a fetch that failed, or was killed, has left half done."""
        with suppress(OSError):
            for file in (self.folder / "objects").rglob("tmp_*"):
                file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Of one that is damaged: the next look makes it anew."""
        self._sound = False
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _run(self, *arguments: str, given: bytes = b"", seconds: float = LONGEST) -> bytes:
        command = (
            "git",
            f"--git-dir={self.folder}",
            *_OPTIONS,
            *(() if arguments[0] == "push" else _NO_HOOKS),
            *self._remote.options(),
            *arguments,
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environ(),
                start_new_session=True,  # so that what Git starts ends with it
            )
        except OSError as error:
            raise TemporaryError(f"git cannot be started: {error.strerror or error}") from error
        try:
            out, err = await asyncio.wait_for(process.communicate(given), seconds)
        except TimeoutError:
            raise TemporaryError(f"no answer within {seconds:g} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            self._sound = False
            await asyncio.to_thread(self._tidy)
            raise TemporaryError(self._told(err.decode("utf-8", "replace")))
        return out

    def _told(self, said: str) -> str:
        """What Git said, in one line, without what only it and the server are to know."""
        if any(word in said.lower() for word in _DAMAGE):
            self.remove()
        for secret in self._secrets():
            said = said.replace(secret, "***")
        if (host := redirected(said, self._remote.url)) is not None:
            return (
                f"{self._remote.url} redirects to {host}, where Git gets no repository: most likely"
                " a login page. Check the URL, and whether this machine may ask the server without"
                " one; a token goes only to the server that is named"
            )
        if "could not read Username" in said:
            return f"{self._remote.url} asks for a login: set OTTO_GIT_TOKEN, or GIT_ASKPASS"
        lines = (line.strip() for line in without_logins(said).splitlines())
        return visible("; ".join(line for line in lines if line))[:500]

    def _secrets(self) -> list[str]:
        known = {self._remote.password, os.environ.get("OTTO_GIT_TOKEN")}
        return [secret for secret in known if secret]

    def _environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
        ssh = {} if "GIT_SSH" in kept else {"GIT_SSH_COMMAND": _SSH}
        return {**environ(), **ssh, **kept, **self._remote.environ()}


def redirected(said: str, url: str) -> str | None:
    """The other host that Git was sent to, as it says on its error output."""
    own = urlsplit(url).netloc
    if not url.startswith(("http://", "https://")) or not any(one in said for one in _REFUSALS):
        return None
    hosts = (urlsplit(match[1]).netloc.rpartition("@")[2] for match in _ELSEWHERE.finditer(said))
    return next((visible(host) for host in hosts if host and host != own), None)


_REFUSALS = ("url base", "not valid", "Username", "Password", "Authentication", "401", "403")
_ELSEWHERE = re.compile(
    r"(?:redirect(?:ing to|:)|(?:Username|Password) for|Authentication failed for)"
    r" '?(https?://[^\s']+)"
)
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15 -oServerAliveCountMax=4"
