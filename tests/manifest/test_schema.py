"""The JSON Schema: current in docs/, and true of the examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from otto_reconcile import manifest

SCHEMA = Path("docs/manifest.schema.json")


def test_the_schema_in_docs_is_current() -> None:
    assert SCHEMA.read_text() == json.dumps(manifest.json_schema(), indent=2) + "\n"


@pytest.mark.parametrize("path", sorted(Path("manifests").rglob("*.yaml")), ids=str)
def test_examples_are_valid(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        jsonschema.Draft202012Validator(manifest.json_schema()).validate(document)


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({"max_engine_iterations": "${N}"}, True),
        ({"composition_mode": "${MODE:-fluid}"}, True),
        ({"composition_mode": "FLUID"}, False),
        ({"guidelines": [{"action": "a"}]}, False),
        ({"colour": "red"}, False),
    ],
)
def test_the_schema_knows_variables_and_faults(change: dict[str, Any], valid: bool) -> None:
    document = {
        "apiVersion": "otto/v1",
        "kind": "Bot",
        "metadata": {"id": "a"},
        "spec": {"name": "A", **change},
    }
    assert jsonschema.Draft202012Validator(manifest.json_schema()).is_valid(document) is valid
