"""What is derived from all bots together, kept by bot: one that changes costs the same among many.

It only says which bots may be concerned: whoever asks looks at what is wanted or applied of these,
so that it serves a reading and the one before it alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from otto_reconcile.desired import DesiredBot
from otto_reconcile.model import Bot, Ref, Snapshot, folded
from otto_reconcile.reconcile.owners import SharedClaims
from otto_reconcile.records.applied import Applied
from otto_reconcile.records.secret_values import secret_values


class Holders:
    """The bots that want or have a resource, or once did."""

    def __init__(self) -> None:
        self._of: dict[Ref, str | dict[str, None]] = {}  # most have one

    def add(self, bot_id: str, refs: Iterable[Ref]) -> None:
        for ref in refs:
            known = self._of.setdefault(ref, bot_id)
            if isinstance(known, dict):
                known[bot_id] = None
            elif known != bot_id:
                self._of[ref] = dict.fromkeys((known, bot_id))

    def of(self, ref: Ref) -> tuple[str, ...]:
        known = self._of.get(ref, ())
        return (known,) if isinstance(known, str) else tuple(known)


class Index:
    """Of one target. Written where the world is read; `have` also where something was applied."""

    def __init__(self) -> None:
        self.wanting, self.having, self.claims = Holders(), Holders(), SharedClaims()
        self._bots: dict[str, Bot] = {}
        self._services: Counter[str] = Counter()
        self._secrets: dict[str, frozenset[str]] = {}
        self._called: dict[str, dict[str, None]] = {}
        self._alike: set[str] = set()
        self._all_secrets: frozenset[str] | None = None

    def want(self, bot_id: str, wanted: DesiredBot | None, snapshot: Snapshot) -> None:
        """What is wanted of a bot from now on."""
        before, now = self._bots.get(bot_id), wanted.bot if wanted is not None else None
        self.wanting.add(bot_id, snapshot)
        self.claims.put(bot_id, snapshot)
        self._count_services(before, now)
        self._note_secrets(bot_id, now)
        self._note_name(bot_id, before, now)
        if now is None:
            self._bots.pop(bot_id, None)
        else:
            self._bots[bot_id] = now

    def have(self, bot_id: str, applied: Applied) -> None:
        """What was applied of a bot, beside what may have been before."""
        self.having.add(bot_id, applied.resources)
        self.having.add(bot_id, applied.claims)

    @property
    def services(self) -> frozenset[str]:
        """The tool services that bots want."""
        return frozenset(name for name, count in self._services.items() if count)

    @property
    def secrets(self) -> frozenset[str]:
        """Those of all bots."""
        if self._all_secrets is None:
            self._all_secrets = frozenset().union(*self._secrets.values())
        return self._all_secrets

    def namesakes(self) -> list[tuple[str, ...]]:
        """Bots of one name, sorted by it."""
        return [tuple(sorted(self._called[name])) for name in sorted(self._alike)]

    def _count_services(self, before: Bot | None, now: Bot | None) -> None:
        self._services.subtract(_services(before))
        self._services.update(_services(now))

    def _note_secrets(self, bot_id: str, now: Bot | None) -> None:
        known = self._secrets.pop(bot_id, None)
        if now is not None and now.masked:
            self._secrets[bot_id] = secret_values(now)
        if known != self._secrets.get(bot_id):
            self._all_secrets = None

    def _note_name(self, bot_id: str, before: Bot | None, now: Bot | None) -> None:
        if before is not None and now is not None and before.name == now.name:
            return
        if before is not None:
            same = self._called[folded(before.name)]
            same.pop(bot_id, None)
            self._sort_out(folded(before.name))
        if now is not None:
            self._called.setdefault(folded(now.name), {})[bot_id] = None
            self._sort_out(folded(now.name))

    def _sort_out(self, name: str) -> None:
        count = len(self._called[name])
        if not count:
            del self._called[name]
        if count > 1:
            self._alike.add(name)
        else:
            self._alike.discard(name)


def _services(bot: Bot | None) -> list[str]:
    return [service.name for service in bot.tool_services] if bot is not None else []


def index_of(
    wanted: Mapping[str, DesiredBot],
    snapshot: Callable[[str], Snapshot],
    applied: Mapping[str, Applied],
) -> Index:
    index = Index()
    for bot_id, one in wanted.items():
        index.want(bot_id, one, snapshot(bot_id))
    for bot_id, held in applied.items():
        index.have(bot_id, held)
    return index
