"""Manifests: YAML to bots with errors that name a place, and bots to YAML. Used by cli and loop."""

from __future__ import annotations

from otto_reconcile.manifest.dumping import dump
from otto_reconcile.manifest.files import Source, files_below, is_manifest, matters, read_one
from otto_reconcile.manifest.json_schema import json_schema
from otto_reconcile.manifest.loading import Loaded, LoadedBot, LoadedDeclaration, LoadedShared, load
from otto_reconcile.manifest.reading import is_standard_input
from otto_reconcile.manifest.rendering import Rendered, render
from otto_reconcile.manifest.tool_names import NamedTool, misspelt, misspelt_local

__all__ = [
    "Loaded",
    "LoadedBot",
    "LoadedDeclaration",
    "LoadedShared",
    "NamedTool",
    "Rendered",
    "Source",
    "dump",
    "files_below",
    "is_manifest",
    "is_standard_input",
    "json_schema",
    "load",
    "matters",
    "misspelt",
    "misspelt_local",
    "read_one",
    "render",
]  # fmt: skip
