"""Plain scalars by the core schema of YAML 1.2 (yaml.org/spec/1.2.2, 10.3), and its tags."""

from __future__ import annotations

import re

from otto_reconcile.manifest.tree import (
    Scalar,
)

TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
TAGGED: dict[str, tuple[str, tuple[type, ...]]] = {
    "bool": ("true or false", (bool,)),
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "null": ("nothing", (type(None),)),
    "str": ("text", (str,)),
    "seq": ("a list", (list,)),
    "map": ("a mapping", (dict,)),
}
"""The tags of YAML's core schema: what each takes, in words and types."""
NO_TEXT = frozenset(TAG + name for name in ("bool", "int", "float", "null"))
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float("inf") for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}


def resolve(text: str) -> Scalar:
    """What a plain scalar means by the core schema of YAML 1.2: `no` and `on` are text there."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base) if len(text) < 100 else float("inf")
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
