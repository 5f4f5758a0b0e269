"""Who may act on a target: a lease with an end and a fencing token that only grows. For loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from otto_reconcile.errors import Conflict
from otto_reconcile.events import now_utc, utc
from otto_reconcile.store.base import Document, Store


@dataclass(frozen=True, slots=True)
class Lease:
    """`token` is larger than that of every earlier lease of the target."""

    target: str
    holder: str
    token: int
    expires: datetime


class Leases:
    """Every method raises StoreUnavailable when the store does not answer; `ttl` is in seconds.

    The documents are never deleted, so that tokens never start again. Clocks of the machines that
    compete should agree to a fraction of `ttl`.
    """

    def __init__(self, store: Store, now: Callable[[], datetime] = now_utc) -> None:
        self._store = store
        self._now = now

    def acquire(self, target: str, holder: str, ttl: float) -> Lease | None:
        """A new lease, or None while another holder's is valid."""
        last = self._find(target)
        if last is None:
            lease = Lease(target, holder, 1, self._end(ttl))
            try:
                self._store.insert("leases", [_document(lease)])
            except Conflict:
                return None
            return lease
        if last.holder not in ("", holder) and last.expires > self._now():
            return None
        lease = Lease(target, holder, last.token + 1, self._end(ttl))
        won = self._store.swap(
            "leases", {"target": target, "token": last.token, "expires": last.expires},
            _document(lease),
        )  # fmt: skip
        return lease if won else None

    def renew(self, lease: Lease, ttl: float) -> Lease | None:
        """The lease with a later end, or None if it was released or taken over meanwhile."""
        renewed = Lease(lease.target, lease.holder, lease.token, self._end(ttl))
        return renewed if self._swap(lease, _document(renewed)) else None

    def release(self, lease: Lease) -> None:
        """Others may have it at once; nothing happens if it was taken over already."""
        self._swap(lease, {"holder": "", "expires": self._now()})

    def current(self, target: str) -> Lease | None:
        """The lease that is valid now."""
        lease = self._find(target)
        valid = lease is not None and lease.holder and lease.expires > self._now()
        return lease if valid else None

    def _swap(self, lease: Lease, changes: Document) -> bool:
        where = {"target": lease.target, "holder": lease.holder, "token": lease.token}
        return self._store.swap("leases", where, changes)

    def _find(self, target: str) -> Lease | None:
        found = self._store.find("leases", {"target": target}, limit=1)
        if not found:
            return None
        document = found[0]
        expires = utc(document["expires"])
        return Lease(target, document["holder"], document["token"], expires)

    def _end(self, ttl: float) -> datetime:
        end = self._now() + timedelta(seconds=ttl)
        return end.replace(microsecond=end.microsecond // 1000 * 1000)


def _document(lease: Lease) -> Document:
    return {
        "target": lease.target,
        "holder": lease.holder,
        "token": lease.token,
        "expires": lease.expires,
    }
