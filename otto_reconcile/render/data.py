"""Documents for programs: JSON and YAML, the same bytes for the same data."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otto_reconcile.resources import JSON


def to_json(value: JSON) -> str:
    """Indented JSON; times as ISO 8601."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"


def to_yaml(value: JSON) -> str:
    """The same data as YAML, long texts unfolded."""
    import yaml

    data = json.loads(json.dumps(value, default=_plain))
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10_000)
    return text


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
