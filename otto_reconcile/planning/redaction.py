"""How values that came from secrets are shown: never, though that they changed is.

Two layers. A field made with a secret is shown as `(masked)`, or `(masked, changed)` where it
differs from what it is compared with; that is decided by path, so unrelated text is never hit.
Texts that others wrote (errors of a server that echo a request) go through `scrub`. Beyond both,
the user and the password of a URL are shown nowhere, however they came into a text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from otto_reconcile.model import JSON
from otto_reconcile.planning.plan import Action, Change, Operation, Plan
from otto_reconcile.runtime.escaping import MASKED, MASKED_CHANGED, without_logins

__all__ = ["MASKED", "MASKED_CHANGED", "scrub", "scrubbed", "shown", "texts", "without_secrets"]

_SHORTEST = 4  # a shorter secret would blot out unrelated text


def shown(change: Change) -> tuple[JSON, JSON]:
    """The before and after of a change as anybody may see them."""
    if not change.masked:
        before, after = without_logins(change.before), without_logins(change.after)
        if before == after and change.before != change.after:
            after = _marked(after)
        return before, after
    before = None if change.before is None else MASKED
    after = None if change.after is None else (MASKED if before is None else MASKED_CHANGED)
    return before, after


def _marked(value: JSON) -> JSON:
    if isinstance(value, str):
        return value.replace(f"://{MASKED}@", f"://{MASKED_CHANGED}@")
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    return value


def scrub(text: str, secrets: Iterable[str]) -> str:
    """The text with every given secret of at least four characters, and all logins, blotted out."""
    text = str(without_logins(text))
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, MASKED)
    return text


def scrubbed(value: JSON, secrets: Iterable[str]) -> JSON:
    """`scrub` for every string in a value, keys too."""
    if isinstance(value, str):
        return scrub(value, secrets)
    if isinstance(value, dict):
        return {scrub(key, secrets): scrubbed(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [scrubbed(item, secrets) for item in value]
    return value


def without_secrets(plan: Plan, secrets: Collection[str]) -> Plan:
    """The plan without the secrets in what it shows of the target, wherever others put them there.

    What is to be done stays the same.
    """
    return Plan(tuple(_without(action, secrets) for action in plan)) if secrets else plan


def _without(action: Action, secrets: Collection[str]) -> Action:
    changes = tuple(
        change if change.masked else replace(change, before=scrubbed(change.before, secrets))
        for change in action.changes
    )
    label = scrub(action.ref.key, secrets) if action.desired is None else action.ref.key
    action = replace(action, changes=changes, label=None if label == action.ref.key else label)
    if action.operation is not Operation.REPORT or action.observed is None:
        return action
    spec = {name: scrubbed(value, secrets) for name, value in action.observed.spec.items()}
    observed, bot_id = replace(action.observed, spec=spec), scrub(action.bot_id, secrets)
    return replace(action, bot_id=bot_id, observed=observed)


def texts(value: JSON) -> Iterator[str]:
    """Every string in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
