"""The way to a Parlant that runs elsewhere: its API, and its bridge if we have the token."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from otto_reconcile.model.evaluation import EvaluationCache
from otto_reconcile.port.bridge import Bridge
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.bridged import Bridged
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.restore_report import hold_up
from otto_reconcile.runtime.clock import Clock


class Elsewhere(NamedTuple):
    """What is `known` of evaluations goes along with all that is made over the port."""

    port: RestPort
    known: EvaluationCache
    bridged: Bridged | None


def connect(
    url: str,
    headers: Mapping[str, str],
    bridge_token: str | None,
    reporter: Reporter,
    clock: Clock,
) -> Elsewhere:
    """Nothing is asked of it yet. Raises SettingsError for a URL that is none."""
    known, bridged, host = EvaluationCache(), None, None
    reporter.board.status.bridged = bridge_token is not None
    if bridge_token is not None:
        bridge = Bridge(url, bridge_token, headers)
        bridged, host = Bridged(bridge, partial(hold_up, reporter), clock), bridge.process
    port = RestPort.over_http(url, headers=headers, host=host, evaluations=known)
    if bridged is not None:
        bridged.bridge.mark = port.mark
    return Elsewhere(port, known, bridged)
