"""The JSON Schema of a manifest, for editors. Printed by `schema`, kept in docs/."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from otto_reconcile.manifest.shared_forms import DocumentForm

_VARIABLE = {"type": "string", "pattern": r"\$\{", "description": "Filled from the environment."}


def json_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of one document."""
    return schema_of(DocumentForm, "Manifest (otto/v1)")


def schema_of(form: type[BaseModel], title: str) -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of a form whose texts are filled with variables."""
    schema = form.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_open({k: v for k, v in schema.items() if k != "title"}),
        "title": title,
    }


def _open(schema: Any) -> Any:
    """The same, without pydantic's titles, and with `${VAR}` allowed where no plain text is."""
    if isinstance(schema, list):
        return [_open(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    opened = {
        name: {key: _open(item) for key, item in value.items()}
        if name in ("properties", "$defs")
        else _open(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str))
        and name != "discriminator"  # of OpenAPI, not of JSON Schema
        and (name, value) != ("default", None)
    }
    if "enum" in opened or "pattern" in opened or opened.get("type") in ("integer", "boolean"):
        return {"anyOf": [opened, _VARIABLE]}
    return opened
