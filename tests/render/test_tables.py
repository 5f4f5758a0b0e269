"""Tables and documents: nothing is cut off, nothing is ambiguous, the same bytes every time."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import yaml

from otto_reconcile.render.data import to_json, to_yaml
from otto_reconcile.render.tables import Table, columns, markdown

TABLE = Table(
    ("bot", "name"),
    [("desk", "机 Büro"), ("a-much-longer-id", None), ("x", "two\nlines | \x1b[1mbold"), ("n", 0)],
)


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    assert list(columns(TABLE)) == [
        "BOT               NAME",
        "desk              机 Büro",
        "a-much-longer-id",
        "x                 two lines | \\x1b[1mbold",
        "n                 0",
    ]
    wide = Table(("a", "b"), [("机机", 1), ("abcd", 2)])
    assert list(columns(wide)) == ["A     B", "机机  1", "abcd  2"]


def test_markdown_keeps_its_columns() -> None:
    assert markdown(TABLE).splitlines() == [
        "| bot | name |",
        "| --- | --- |",
        "| desk | 机 Büro |",
        "| a-much-longer-id |  |",
        "| x | two lines \\| \\\\x1b[1mbold |",
        "| n | 0 |",
    ]


def test_an_empty_table_has_its_headings() -> None:
    assert list(columns(Table(("bot", "name"), []))) == ["BOT  NAME"]


def test_documents_are_json_and_yaml_of_the_same_data() -> None:
    time = datetime(2030, 1, 31, 12, tzinfo=UTC)
    document = {"time": time, "b": [1, None], "a": "ü: yes\n" + "long " * 50, "no": "no"}
    assert json.loads(to_json(document)) == yaml.safe_load(to_yaml(document))
    assert json.loads(to_json(document))["time"] == "2030-01-31T12:00:00+00:00"
    assert to_yaml(document) == to_yaml(document)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        to_json({"x": object()})
