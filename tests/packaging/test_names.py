"""Names of tests are read in lists of failures: short, and each once in its file."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

LONGEST = 60
TESTS = Path(__file__).parents[1]


def test_names_of_tests_are_short_and_there_once() -> None:
    wrong = []
    for file in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        defined = (ast.FunctionDef, ast.AsyncFunctionDef)
        names = Counter(n.name for n in tree.body if isinstance(n, defined))
        tests = {name: count for name, count in names.items() if name.startswith("test_")}
        wrong += [f"{file.name}: {n}" for n, c in tests.items() if c > 1 or len(n) > LONGEST]
    assert wrong == []
