"""Users and passwords in URLs: found and blotted out, whatever text they stand in."""

from __future__ import annotations

import re
from typing import Any

MASKED = "(masked)"
_LOGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?!git@)[^\s/?#\"'<>\\]+@")


def without_logins(value: Any) -> Any:
    """The same with `(masked)` for the user and the password of every URL in its texts."""
    if isinstance(value, str):
        return _LOGIN.sub(rf"\g<1>{MASKED}@", value) if "://" in value else value
    if isinstance(value, dict):
        return {key: without_logins(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [without_logins(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value


def has_login(text: str) -> bool:
    """True if it holds a URL with a user or a password."""
    return "://" in text and _LOGIN.search(text) is not None
