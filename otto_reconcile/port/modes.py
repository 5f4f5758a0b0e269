"""Composition modes: this project's names and those on the wire. The adapters call it."""

from __future__ import annotations

from typing import Any

_WIRE = {"fluid": "canned_fluid", "composited": "composited_canned", "strict": "strict_canned"}
# Parlant's core has a fourth mode, which the SDK cannot read; it is never what anybody declares.
_OURS = {wire: ours for ours, wire in _WIRE.items()} | {"fluid": "core_fluid"}


def to_wire(mode: str | None) -> str | None:
    return None if mode is None else _WIRE[mode]


def from_wire(mode: Any) -> str | None:
    return None if mode is None else _OURS.get(str(mode), str(mode))
