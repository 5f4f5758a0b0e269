"""The error about a name that is none, with the one that was most likely meant."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import NotFound
from otto_reconcile.events import Wanted, WantedShared
from otto_reconcile.manifest.wording import near
from otto_reconcile.resources.shared import called, is_shared


def not_there(name: str, known: Iterable[str]) -> NotFound:
    """`known` are the names that there are."""
    hint = near(name, known) or "otto-reconcile get lists them"
    return NotFound(f"there is no {called(name)}", hint=hint)


def one_of(desired: DesiredState, name: str) -> Wanted | WantedShared:
    """The bot or shared document of this name. Raises NotFound, PermanentError."""
    try:
        return desired.get_shared(name) if is_shared(name) else desired.get(name)
    except NotFound:
        found = desired.read()
        raise not_there(name, {*found.bots, *found.shared}) from None
