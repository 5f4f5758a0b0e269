"""What the process finds around it, before a command runs: `.env`, proxies, standard streams."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from otto_reconcile.errors import SettingsError
from otto_reconcile.runtime.proxies import keep_loopback_direct

DOTENV = Path(".env")


def settle() -> None:
    """Raises SettingsError for a `.env` that cannot be read."""
    read_dotenv(DOTENV)
    keep_loopback_direct()


def read_dotenv(path: Path) -> None:
    """Sets what the file says and the environment does not. No file is no matter.

    Of the working directory alone, none of its parents; anything but a file is left alone.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return
    except OSError:
        return
    from dotenv import load_dotenv

    try:
        load_dotenv(path, override=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(f"{path} cannot be read: {why}") from error


def open_streams() -> None:
    """Puts something in the place of standard streams that were closed before the start.

    Else the next file that is opened, a database maybe, would get what is printed. What stands in
    for the output can only be read, so that writing fails, as it does on a closed descriptor.
    """
    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, "r", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def give_up_output() -> None:
    """Nothing more can be written: what is still buffered goes nowhere, also at the end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
