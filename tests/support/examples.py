"""How many generated examples a test tries: all in the whole suite, some in the unit tier."""

from __future__ import annotations

import os

QUICK = "OTTO_TEST_QUICK"
"""Set by `make test-unit`, which is for the minute between two edits."""
_SHARE, _LEAST = 8, 5


def examples(whole: int) -> int:
    """`whole` examples, or an eighth of them, five at least, where QUICK is set."""
    return max(_LEAST, whole // _SHARE) if os.environ.get(QUICK) else whole
