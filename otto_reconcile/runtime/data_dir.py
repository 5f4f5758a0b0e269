"""The data directory: private, owned by one daemon at a time, with an identity of its own."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from otto_reconcile.errors import SettingsError

DEFAULT_NAME = ".otto"
LOCK_FILE = "daemon.lock"
INSTANCE_FILE = "instance"
HOLDER_FILE = "holder"
STATUS_FILE = "status.json"
MANAGED_FILE = "managed.json"
USED_FILE = "used.json"
MANAGED_CHANGES_FILE = "managed.changes"
OUTBOX_FILE = "outbox.db"
JOURNAL_FILE = "journal.jsonl"
"""The outbox of versions until 2026-11."""
FILES = (
    LOCK_FILE, INSTANCE_FILE, HOLDER_FILE, STATUS_FILE, MANAGED_FILE, MANAGED_CHANGES_FILE,
    USED_FILE, OUTBOX_FILE, JOURNAL_FILE,
)  # fmt: skip
"""What a daemon reads and writes there, beside its store, which has words of its own."""
HOLDERS = 100
"""So many former processes are remembered: more do not end within the time of a lease."""
TRIES, PAUSE = 4, 0.05
"""How often, and with how many seconds between, `owned` asks for the lock."""
_NAME = re.compile("[0-9a-f]{12}")


def prepare(folder: Path) -> None:
    """Makes the directory, for its owner only. Raises SettingsError if it cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _keep_apart(folder)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch(mode=0o600)
        probe.unlink()
        _refuse_no_files(folder)
    except (FileExistsError, NotADirectoryError) as error:
        file = "a file, not a folder" if isinstance(error, FileExistsError) else "below a file"
        raise _no_folder(folder, file) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"the data directory {folder} cannot be written: {reason}",
            hint="choose another with --data-dir, or give this user write permission",
        ) from error


def refuse_file(folder: Path) -> None:
    """Raises SettingsError for a file in the place of the directory, or above it."""
    if folder.exists() and not folder.is_dir():
        raise _no_folder(folder, "a file, not a folder")
    if any(above.is_file() for above in folder.parents):
        raise _no_folder(folder, "below a file")


def _no_folder(folder: Path, what: str) -> SettingsError:
    message = f"the data directory {folder} is {what}"
    return SettingsError(message, hint="choose another with --data-dir")


def _refuse_no_files(folder: Path) -> None:
    """Raises SettingsError for a folder, a pipe or a link to nowhere in the place of a file."""
    for name in FILES:
        path = folder / name
        if os.path.lexists(path) and not path.is_file():
            what = "a folder" if path.is_dir() else "no file"
            hint = "move it away, and start again: it is made anew"
            raise SettingsError(f"{path} is {what}", hint=hint)


def _keep_apart(folder: Path) -> None:
    """Out of Git, for it holds secrets of bots, and out of a watched folder around it.

    What the daemon writes is JSON, its status every 2 seconds: in a watched folder, that would be a
    change of the folder each time. A folder that is more than a data directory is left alone.
    """
    if folder.name == DEFAULT_NAME or not any(folder.iterdir()):
        for name, patterns in ((".gitignore", "*\n"), (".ottoignore", "/*.json\n/parlant/\n")):
            with suppress(FileExistsError), (folder / name).open("x") as file:
                file.write(patterns)


@contextmanager
def owned(folder: Path) -> Iterator[int | None]:
    """Takes the directory for this process for as long as the context lasts.

    Yields None if it was taken, else the pid of the daemon that has it already (0 if unknown).
    The lock goes with the process, however that ends.
    """
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(descriptor):
            yield _number(os.read(descriptor, 20))
            return
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield None
    finally:
        os.close(descriptor)


def loss_of(folder: Path) -> Callable[[], str | None]:
    """A function that says why this is no longer the directory that it is now; None while it is.

    It is recognised by its lock file, which nobody makes anew while it is there.
    """
    lock = folder / LOCK_FILE
    before = identity_of(lock)

    def lost() -> str | None:
        now = identity_of(lock)
        if now == before:
            return None
        what = "was moved or removed" if now is None else "is another one now"
        return f"the data directory {folder} {what}"

    return lost


def identity_of(path: Path) -> tuple[int, int] | None:
    """Device and inode of what stands there; None if nothing does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def never_lost() -> str | None:
    """For what is used by no daemon."""
    return None


def _locked(descriptor: int) -> bool:
    """Takes the lock; more than one try, since `is_owned` of another process holds it a moment."""
    for left in range(TRIES, 0, -1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE if left > 1 else 0.0)
        else:
            return True
    return False


def is_owned(folder: Path) -> bool:
    """True if a daemon has the directory now. To read the folder is enough to know."""
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # no daemon was ever here, or its directory is not ours to read
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() else 0


def instance(folder: Path) -> str:
    """The name under which this directory's embedded Parlant is known in the store, forever."""
    path = folder / INSTANCE_FILE
    try:
        name = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return _new(path)
    return name if _NAME.fullmatch(name) else _new(path)


def next_holder(folder: Path, target: str, name: str | None = None) -> tuple[str, frozenset[str]]:
    """The name of this process for leases, and those of all that had the directory before.

    A `name` that is given has to be that of no other process, anywhere.

    To be called by whoever owns the directory: they are dead then. All of them, since one that
    ended before it took the lease has left it with the one before. In a copy of the directory that
    is not so, and both see that another one has taken over.
    """
    path = folder / HOLDER_FILE
    before = [target]  # as versions without this file named themselves
    with suppress(FileNotFoundError, UnicodeDecodeError):
        before += [name for line in path.read_text("utf-8").splitlines() if (name := line.strip())]
    name = name or f"{target} at {socket.gethostname()} {secrets.token_hex(4)}"
    with suppress(OSError):  # then a lease of this process is waited for, and not taken over
        write_whole(path, "\n".join([*before[1:], name][-HOLDERS:]))
    return name, frozenset(before)


def write_whole(path: Path, text: str) -> None:
    """The file has this text afterwards or what it had before, never half. Raises OSError."""
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.chmod(0o600)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)  # half a draft would take up what a full disk has left
        raise


def _new(path: Path) -> str:
    name = secrets.token_hex(6)
    path.write_text(name, encoding="ascii")
    path.chmod(0o600)
    return name
