"""Documents for programs: JSON and YAML, the same bytes for the same data."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from otto_reconcile.runtime.escaping import escaped, steers

if TYPE_CHECKING:
    from otto_reconcile.model import JSON


def to_json(value: JSON) -> str:
    """Indented JSON; times as ISO 8601."""
    return escaped(json.dumps(value, indent=2, ensure_ascii=False, default=_plain)) + "\n"


def to_yaml(value: JSON) -> str:
    """The same data as YAML, long texts unfolded."""
    import yaml

    data = json.loads(json.dumps(value, default=_plain))

    class Dumper(yaml.SafeDumper):
        """Quotes what steers a terminal: only there it can be escaped."""

    Dumper.add_representer(
        str,
        lambda dumper, text: dumper.represent_scalar(
            "tag:yaml.org,2002:str", text, style='"' if steers(text) else None
        ),
    )
    text: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return escaped(text)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
