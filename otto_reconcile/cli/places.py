"""Finds what a command works on: the running daemon, the store, and the target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otto_reconcile.errors import NotFound, OttoError
from otto_reconcile.runtime import data_dir, sharding
from otto_reconcile.runtime.selecting import Selector, parsed
from otto_reconcile.settings import Settings, TargetSettings, without_credentials

if TYPE_CHECKING:
    from otto_reconcile.desired import Desired
    from otto_reconcile.port.rest import RestPort
    from otto_reconcile.reconcile.remembered import Remembered
    from otto_reconcile.store.base import Store

Daemon = Mapping[str, Any]
"""The status document of a running daemon, see `reconcile.status`."""


def find_daemon(settings: Settings) -> Daemon | None:
    """What the daemon of this data directory last said; None if none is running.

    Raises SettingsError for a file in its place.
    """
    from otto_reconcile.reconcile.status import read_status

    data_dir.refuse_file(settings.data_dir)
    return read_status(settings.data_dir)


def watched_folder(settings: Settings) -> Path | None:
    """The folder of manifests that the running daemon watches, or that one would."""
    daemon = find_daemon(settings)
    manifests = (daemon or {}).get("manifests") or {}
    named = manifests.get("root") or manifests.get("folder")
    if named is None and (daemon or {}).get("git"):
        return None
    return Path(named) if named else settings.manifests


def watched_environment(settings: Settings) -> str | None:
    """The environment in which the running daemon sees its folder, or in which one would."""
    manifests = (find_daemon(settings) or {}).get("manifests")
    return manifests.get("environment") if manifests else settings.env


def the_daemon(settings: Settings, *, hint: str | None = None) -> Daemon:
    """As `find_daemon`, but raises OttoError if none is running."""
    daemon = find_daemon(settings)
    if daemon is None and data_dir.is_owned(settings.data_dir):
        raise OttoError(
            f"a daemon has the data directory {settings.data_dir}, and has no status there that"
            " can be read",
            hint="it may be starting, so try again in a moment; else its log says why, such as a"
            " full disk",
        )
    if daemon is None:
        raise OttoError(
            f"no daemon is running with the data directory {settings.data_dir}",
            hint=hint
            or "start one with `otto-reconcile run`, or name its --data-dir (OTTO_DATA_DIR)",
        )
    return daemon


def selector_of(daemon: Daemon | None) -> Selector | None:
    """Which bots the running daemon looks after; None is all."""
    text = (daemon or {}).get("selector")
    return parsed(str(text)) if text else None


def told_stale(daemon: Daemon | None) -> str | None:
    """A sentence for a daemon that lives and has said nothing for a while; else None."""
    stale = (daemon or {}).get("stale")
    if not stale:
        return None
    return (
        f"the daemon (pid {(daemon or {}).get('pid')}) has said nothing for {stale['seconds']} s, "
        f"since {stale['since']}: it is stopped, blocked, or cannot write its status file"
    )


@contextmanager
def opened_store(settings: Settings, *, writing: bool = False) -> Iterator[Store]:
    """The store that the daemon uses, or would. To read one that is not there makes none.

    Raises OttoError rather than open another store than a running daemon's.
    """
    from otto_reconcile.records.events import refuse_newer
    from otto_reconcile.store import is_there, open_store

    daemon = find_daemon(settings)
    _refuse_other_kind(settings, daemon)
    if not is_there(settings) and not writing:
        settings = replace(settings, ephemeral=True)
    elif not is_there(settings):
        data_dir.prepare(settings.data_dir)
    store = open_store(settings)
    try:
        _refuse_other_place(settings, store, daemon)
        refuse_newer(store)
        yield store
    except NotFound as error:
        raise _lost(settings, store, error) or error from None
    finally:
        store.close()


def _kept_in(daemon: Daemon | None) -> str:
    """The label of the daemon's store, "" where it is not known."""
    return str((daemon or {}).get("store", {}).get("label") or "")


def _refuse_other_kind(settings: Settings, daemon: Daemon | None) -> None:
    label = _kept_in(daemon)
    if label == "memory":
        raise OttoError(
            "the daemon keeps everything in its own memory (--ephemeral): nothing to see here",
            hint="start it without --ephemeral",
        )
    if settings.mongodb_uri is None and label.startswith("MongoDB"):
        raise OttoError(
            f"the daemon keeps the desired state in {label}, and MONGODB_URI is not set here",
            hint="set MONGODB_URI (or --mongodb-uri) as it is set for the daemon",
        )


def _refuse_other_place(settings: Settings, store: Store, daemon: Daemon | None) -> None:
    label = _kept_in(daemon)
    if settings.mongodb_uri is not None and label and label != store.label:
        raise OttoError(
            f"the daemon keeps the desired state in {label}, but {store.label} is named here",
            hint="give both the same --mongodb-uri and --database, or another --data-dir",
        )


@dataclass(frozen=True, slots=True)
class Target:
    """Where Parlant answers, and the identity under which its applied sets are kept.

    `bridged` says that the daemon manages it over a bridge. `place` is what the configuration says
    of it, where it is one of several.
    """

    url: str
    id: str | None
    bridged: bool = False
    place: TargetSettings | None = None

    def connect(self, settings: Settings) -> RestPort:
        """Raises SettingsError."""
        from otto_reconcile.port.bridge import Bridge
        from otto_reconcile.port.host_process import ELSEWHERE
        from otto_reconcile.port.rest import RestPort

        hosted = self.id is not None and not self.id.startswith("http")  # by a daemon
        host = ELSEWHERE if hosted or self.bridged else None
        headers = settings.headers if self.place is None else self.place.headers
        if settings.bridge_token is not None and not hosted and self.place is None:
            host = Bridge(self.url, settings.bridge_token, headers).process
        return RestPort.over_http(self.url, headers=headers, host=host)


def find_target(settings: Settings) -> Target:
    """The Parlant server that is named, else the one of the running daemon. Raises OttoError."""
    daemon = find_daemon(settings)
    several = _several(settings, daemon)
    if settings.parlant_url is None and several:
        raise _one_of_several([one.place.name for one in several if one.place is not None])
    if settings.parlant_url is not None:
        if found := [one for one in several if _same(one.url, settings.parlant_url)]:
            return found[0]
        same = daemon is not None and _same(daemon.get("url"), settings.parlant_url)
        if not same or daemon is None:
            return Target(settings.parlant_url, None)
        return _only_one(settings, daemon, settings.parlant_url)
    if daemon is None:
        hint = "start one with `otto-reconcile run`, or name a Parlant server with --parlant-url"
        daemon = the_daemon(settings, hint=hint)
    if not daemon.get("url"):
        raise OttoError("the daemon's Parlant server is not up yet", hint="try again in a moment")
    return _only_one(settings, daemon, str(daemon["url"]))


def _only_one(settings: Settings, daemon: Daemon, url: str) -> Target:
    """The target of a daemon that has one; of a shard, with what it has of the bots."""
    part, place = (daemon.get("fleet") or {}).get("shard"), None
    if part:
        shard = sharding.parsed(part)
        name, headers = f"shard-{shard.number}", settings.headers
        place = TargetSettings(name, url, shard=shard, headers=headers)
    return Target(url, daemon.get("target_id"), bool(daemon.get("bridged")), place)


def find_targets(settings: Settings) -> list[Target]:
    """Those of a daemon that has several, or the one that is named. Raises OttoError."""
    several = targets_of_daemon(settings)
    return several if several and settings.parlant_url is None else [find_target(settings)]


def targets_of_daemon(settings: Settings) -> list[Target]:
    """Those of a daemon that has several, with the tokens of the configuration here; else none.

    Without a daemon they are those of the configuration.
    """
    return _several(settings, find_daemon(settings))


def _several(settings: Settings, daemon: Daemon | None) -> list[Target]:
    if daemon is None:
        return [Target(one.url, None, place=one) for one in settings.targets]
    fleet: Mapping[str, Any] = daemon.get("fleet") or {}
    headers = {one.name: one.headers for one in settings.targets}
    targets = []
    for name, one in (fleet.get("targets") or {}).items():
        selector = parsed(one["selector"]) if one.get("selector") else None
        shard = sharding.parsed(one["shard"]) if one.get("shard") else None
        place = TargetSettings(
            name, one["url"], selector, shard, one["drain"], headers.get(name, settings.headers)
        )
        targets.append(Target(one["url"], one.get("target_id"), bool(one.get("bridged")), place))
    return targets


def _one_of_several(names: Sequence[str]) -> OttoError:
    return OttoError(
        f"the daemon has several targets ({', '.join(names)}), and this is about one",
        hint="name one by its URL: --parlant-url",
    )


def _same(known: object, url: str) -> bool:
    return str(known or "").rstrip("/") == without_credentials(url).rstrip("/")


def lost_by(settings: Settings, store: Store, desired: Desired) -> str | None:
    """What this data directory has managed and the store knows nothing of, in a sentence."""
    remembered = memory_of(settings, store)
    lost = remembered.lost(desired)
    return remembered.told(lost) if lost else None


def memory_of(settings: Settings, store: Store) -> Remembered:
    """What this data directory has managed."""
    from otto_reconcile.reconcile.remembered import IN_MEMORY, Remembered
    from otto_reconcile.store import place_of

    missing = f"SQLite {place_of(settings)}" if store.label == IN_MEMORY else None
    return Remembered(settings.data_dir, store, missing)


def _lost(settings: Settings, store: Store, error: NotFound) -> NotFound | None:
    """The same error as it is for a name that the store had and lost; None if it did not."""
    from otto_reconcile.desired import DesiredState

    if error.name is None:
        return None
    remembered = memory_of(settings, store)
    if error.name not in remembered.lost(DesiredState(store).read()):
        return None
    return NotFound(remembered.told([error.name]), name=error.name)
