"""Composition modes: this project's names and those on the wire. The adapters call it."""

from __future__ import annotations

from typing import Any

_WIRE = {
    "fluid": "canned_fluid",
    "composited": "composited_canned",
    "strict": "strict_canned",
    "core_fluid": "fluid",  # what REST takes where nothing is said; the SDK cannot read it
}
_OURS = {wire: ours for ours, wire in _WIRE.items()}


def to_wire(mode: str | None) -> str | None:
    return None if mode is None else _WIRE[mode]


def from_wire(mode: Any) -> str | None:
    return None if mode is None else _OURS.get(str(mode), str(mode))
