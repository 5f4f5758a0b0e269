"""Manifests: YAML to bots with errors that name a place, and bots to YAML. Used by cli and loop."""

from __future__ import annotations

from otto_reconcile.manifest.dumping import dump
from otto_reconcile.manifest.files import files_below, is_manifest
from otto_reconcile.manifest.loading import Loaded, LoadedBot, LoadedShared, LoadedWish, load
from otto_reconcile.manifest.schema import json_schema

__all__ = [
    "Loaded", "LoadedBot", "LoadedShared", "LoadedWish", "dump", "files_below", "is_manifest",
    "json_schema", "load",
]  # fmt: skip
