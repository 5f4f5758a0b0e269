"""Who may act on a target: a lease with an end and a fencing token that only grows. For loops."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from otto_reconcile.errors import Conflict
from otto_reconcile.records.events import now_utc, utc
from otto_reconcile.store.base import DAMAGED, LARGEST_TOKEN, Document, Store


@dataclass(frozen=True, slots=True)
class Lease:
    """`token` is larger than that of every earlier lease of the target."""

    target: str
    holder: str
    token: int
    expires: datetime


class Leases:
    """Every method raises StoreUnavailable when the store does not answer; `ttl` is in seconds.

    The documents are never deleted, so that tokens never start again. A lease has run out for a
    reader that has seen it unchanged for `ttl` on its own monotonic clock: what the clock of the
    writer said (`expires`, for people and for earlier versions) decides nothing. So a reader that
    is new waits for one `ttl` at most, and `renew` always changes the document (`beat`).
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime] = now_utc,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._now, self._monotonic = now, monotonic
        self._seen: dict[str, tuple[Document, float]] = {}  # as it is, and since when
        self._ttl = 0.0
        self._retaken = 0  # how often a damaged lease was taken, or tried

    def acquire(self, target: str, holder: str, ttl: float) -> Lease | None:
        """A new lease, or None while another holder's is valid."""
        self._ttl = ttl
        last = self._find(target)
        if last is None:
            lease = Lease(target, holder, 1, self._end(ttl))
            try:
                self._store.insert("leases", [_document(lease)])
            except Conflict:
                return None
            return lease
        free = last.get("holder") in ("", holder, None) and DAMAGED not in last
        if not free and not self._has_run_out(target, last):
            return None
        token = _token(last)
        if token is None:
            return self._take_damaged(target, holder)
        lease = Lease(target, holder, token + 1, self._end(ttl))
        unchanged = {name: last.get(name) for name in ("token", "expires", "beat")}
        won = self._store.swap("leases", {"target": target, **unchanged}, _document(lease))
        return lease if won else None

    def _take_damaged(self, target: str, holder: str) -> Lease | None:
        """A lease over one whose token is lost: larger than all with which anything was written.

        Of two that try at once, both with the same token, the first wins.
        """
        written = self._store.find("applied", {"target": target}, fields=("token",))
        largest = max((_token(document) or 0 for document in written), default=0)
        self._retaken += 1
        lease = Lease(target, holder, largest + self._retaken, self._end(self._ttl))
        where = {"target": target, "token": {"$ne": lease.token}}
        return lease if self._store.swap("leases", where, _document(lease)) else None

    def renew(self, lease: Lease, ttl: float) -> Lease | None:
        """The lease with a later end, or None if it was released or taken over meanwhile."""
        renewed = Lease(lease.target, lease.holder, lease.token, self._end(ttl))
        self._ttl = ttl
        return renewed if self._swap(lease, _document(renewed)) else None

    def release(self, lease: Lease) -> None:
        """Others may have it at once; nothing happens if it was taken over already."""
        self._swap(lease, {"holder": "", "expires": self._now()})

    def current(self, target: str) -> Lease | None:
        """The lease that is held now, as far as this reader has seen."""
        last = self._find(target)
        if last is None or not last.get("holder") or self._has_run_out(target, last):
            return None
        expires = last.get("expires")
        end = utc(expires) if isinstance(expires, datetime) else self._now()
        return Lease(target, str(last["holder"]), _token(last) or 0, end)

    def _has_run_out(self, target: str, last: Document) -> bool:
        """True if this reader has seen it unchanged for as long as a lease lasts."""
        before, since = self._seen.get(target, (None, 0.0))
        if before != last:
            before, since = self._seen[target] = (last, self._monotonic())
        return self._monotonic() - since >= self._ttl > 0

    def _swap(self, lease: Lease, changes: Document) -> bool:
        where = {"target": lease.target, "holder": lease.holder, "token": lease.token}
        return self._store.swap("leases", where, changes)

    def _find(self, target: str) -> Document | None:
        return next(iter(self._store.find("leases", {"target": target}, limit=1)), None)

    def _end(self, ttl: float) -> datetime:
        end = self._now() + timedelta(seconds=ttl)
        return end.replace(microsecond=end.microsecond // 1000 * 1000)


def _document(lease: Lease) -> Document:
    return {
        "target": lease.target,
        "holder": lease.holder,
        "token": lease.token,
        "expires": lease.expires,
        "beat": secrets.token_hex(4),
    }


def _token(document: Document) -> int | None:
    """None if it is damaged, or so large that somebody else must have written it."""
    token = document.get("token")
    if DAMAGED in document or isinstance(token, bool) or not isinstance(token, int):
        return None
    return token if 0 <= token <= LARGEST_TOKEN else None
