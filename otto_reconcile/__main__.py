"""`python -m otto_reconcile`: the same as the command `otto-reconcile`."""

from __future__ import annotations

import sys

from otto_reconcile.cli import main

if __name__ == "__main__":
    sys.exit(main())
