"""Programs that the tests start get a known state, whatever the tests themselves were started from.

A shell, `nohup`, a job runner or a hook of Git hands down signals that are ignored or blocked, a
locale, a time zone, a umask, proxies, a home, settings of Python and Git. `settle` puts the process
of the tests itself into a known state before the first test, so that whatever starts a program, or
forks, hands on that one. `tests/conftest.py` calls it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

PERSONS = dict(os.environ)
"""The environment before `settle`: for what is built from outside, and keys of a real model."""

OUTSIDE = {
    name: value
    for name, value in PERSONS.items()
    if name.upper().endswith("_PROXY") or name in ("SSL_CERT_FILE", "SSL_CERT_DIR")
}
"""What it takes to reach the world outside: for the test of a real model alone."""

_NEEDED = {
    "CI",
    "DYLD_LIBRARY_PATH",
    "JAVA_HOME",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYENV_ROOT",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "TMPDIR",
    "VIRTUAL_ENV",
}
_NEEDED_STARTS = ("COVERAGE_", "HYPOTHESIS_", "OTTO_REQUIRE_", "OTTO_TEST_", "PYTEST_")

_UMASK = 0o022
_DEFAULTS = [
    getattr(signal, name)
    for name in ("SIGALRM", "SIGCHLD", "SIGHUP", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
]


def settle(home: Path) -> None:
    """Puts this process into the known state; `home` becomes HOME. Call it in the main thread."""
    known = environment(PERSONS, home)
    os.environ.clear()
    os.environ.update(known)
    time.tzset()
    os.umask(_UMASK)
    for number in _DEFAULTS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    # What has a handler here has none in the program that is started, and is not ignored there.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def environment(given: Mapping[str, str], home: Path) -> dict[str, str]:
    """What programs need of `given`, and the rest as it is known."""
    kept = {
        name: value
        for name, value in given.items()
        if name in _NEEDED or name.startswith(_NEEDED_STARTS)
    }
    return {
        **kept,
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PARLANT_DATA_COLLECTION": "false",
        "PARLANT_HOME": str(home / "parlant"),
        "TZ": "UTC",
    }
