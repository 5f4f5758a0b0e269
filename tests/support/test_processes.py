"""A program that the tests start finds the same state, whatever the tests were started from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

STATE = """
import json, os, signal, sys, time
umask = os.umask(0)
ignored = [n.name for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
           if signal.getsignal(n) is signal.SIG_IGN]
blocked = [n.name for n in signal.pthread_sigmask(signal.SIG_BLOCK, ())]
names = sorted(n for n in os.environ if n.upper().endswith("_PROXY")
               or n.startswith(("GIT_DIR", "MONGODB", "OPENAI", "OTTO_I", "PYTHONW", "XDG", "LC_")))
print(json.dumps([umask, ignored, blocked, names, time.tzname[0], os.environ["LANG"],
                  os.environ["HOME"]]))
"""

HOSTILE = """
trap '' INT TERM HUP QUIT
umask 077
export HTTP_PROXY=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 all_proxy=http://127.0.0.1:9
export TZ=Pacific/Kiritimati LC_ALL=C LANG=de_DE.ISO-8859-1 HOME=/nonexistent XDG_CONFIG_HOME=/x
export MONGODB_URI=mongodb://127.0.0.1:9 OPENAI_API_KEY=k OTTO_INTERVAL=7 GIT_DIR=/x
export PYTHONWARNINGS=error
exec "$0" "$@"
"""

INNER = """
import subprocess, sys
from pathlib import Path
from tests.support import processes
processes.settle(Path(sys.argv[1]))
subprocess.run([sys.executable, "-c", sys.argv[2]], check=True)
"""


def test_a_started_program_finds_a_known_state(tmp_path: Path) -> None:
    """Even where the tests run under `nohup`, from a hook of Git, behind a proxy."""
    done = subprocess.run(
        ["sh", "-c", HOSTILE, sys.executable, "-c", INNER, str(tmp_path), STATE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    known = [0o022, [], [], [], "UTC", "C.UTF-8", str(tmp_path)]
    assert json.loads(done.stdout) == known


def test_these_tests_themselves_are_settled() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STATE], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout)[:6] == [0o022, [], [], [], "UTC", "C.UTF-8"]
