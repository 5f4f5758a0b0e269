"""GitOps for conversational agents: keeps the bots of Parlant servers in their desired state.

The names in `__all__` are the public API, see docs/api.md. Each is imported when it is first used:
importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otto_reconcile.desired import DesiredState, Source
    from otto_reconcile.diff import Policy, plan
    from otto_reconcile.errors import (
        Conflict,
        Guarded,
        InvalidInput,
        NotFound,
        OttoError,
        PermanentError,
        Problem,
        SettingsError,
        StoreUnavailable,
        TargetRefused,
        TargetUnavailable,
        TemporaryError,
    )
    from otto_reconcile.manifest import dump as dump_manifests
    from otto_reconcile.manifest import load as load_manifests
    from otto_reconcile.model import Bot, Ref, Resource, Snapshot, snapshot_of
    from otto_reconcile.observed import observe
    from otto_reconcile.persistence import Attachment, attach
    from otto_reconcile.planning.plan import Action, Change, Operation, Plan
    from otto_reconcile.port.base import Port
    from otto_reconcile.port.rest import RestPort
    from otto_reconcile.settings import Settings
    from otto_reconcile.store import open_store
    from otto_reconcile.store.base import Store

__version__ = "0.1.0"

__all__ = [
    "Action", "Attachment", "Bot", "Change", "Conflict", "DesiredState", "Guarded", "InvalidInput",
    "NotFound", "Operation", "OttoError", "PermanentError", "Plan", "Policy", "Port", "Problem",
    "Ref", "Resource", "RestPort", "Settings", "SettingsError", "Snapshot", "Source", "Store",
    "StoreUnavailable", "TargetRefused", "TargetUnavailable", "TemporaryError", "attach",
    "dump_manifests", "load_manifests", "observe", "open_store", "plan", "snapshot_of",
]  # fmt: skip

_MODULES = {
    "desired": ("DesiredState", "Source"),
    "diff": ("Policy", "plan"),
    "errors": (
        "Conflict", "Guarded", "InvalidInput", "NotFound", "OttoError", "PermanentError", "Problem",
        "SettingsError", "StoreUnavailable", "TargetRefused", "TargetUnavailable", "TemporaryError",
    ),
    "model": ("Bot", "Ref", "Resource", "Snapshot", "snapshot_of"),
    "observed": ("observe",),
    "persistence": ("Attachment", "attach"),
    "planning.plan": ("Action", "Change", "Operation", "Plan"),
    "port.base": ("Port",),
    "port.rest": ("RestPort",),
    "settings": ("Settings",),
    "store": ("open_store",),
    "store.base": ("Store",),
}  # fmt: skip
_HOMES = {name: (module, name) for module, names in _MODULES.items() for name in names} | {
    "dump_manifests": ("manifest", "dump"),
    "load_manifests": ("manifest", "load"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, there = _HOMES[name]
    globals()[name] = value = getattr(import_module(f"{__name__}.{module}"), there)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
