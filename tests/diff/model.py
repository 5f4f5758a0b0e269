"""A model of Parlant for pure tests: it holds resources, and refuses what Parlant would refuse."""

from __future__ import annotations

from dataclasses import replace

from otto_reconcile.model import Ref, Resource, Shape, Snapshot, get_kind
from otto_reconcile.planning.plan import Action, Plan


class Model:
    """Applies plans to a set of resources; an AssertionError is a broken dependency."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.held: dict[Ref, Resource] = dict(snapshot.items())

    def snapshot(self) -> Snapshot:
        return Snapshot(self.held.values())

    def apply(self, plan: Plan) -> None:
        for action in plan.acting:
            getattr(self, f"_{action.operation}")(action)

    def _create(self, action: Action) -> None:
        assert action.desired is not None
        assert action.ref not in self.held, f"{action.ref} is there already"
        for need in get_kind(action.ref.kind).needs(action.desired):
            assert need in self.held, f"{action.ref} needs {need}"
        self.held[action.ref] = _filled(action.desired)

    def _update(self, action: Action) -> None:
        have = self.held[action.ref]
        spec = dict(have.spec)
        for change in action.changes:
            if get_kind(action.ref.kind).field(change.field).shape is Shape.MAPPING:
                merged = {**spec[change.field], **change.after}
                spec[change.field] = {k: v for k, v in merged.items() if v is not None}
            else:
                spec[change.field] = change.after
        assert action.desired is not None
        for need in get_kind(action.ref.kind).needs(action.desired):
            assert need in self.held, f"{action.ref} needs {need}"
        self.held[action.ref] = replace(have, spec=spec)

    def _replace(self, action: Action) -> None:
        self._delete(action)
        self._create(action)

    def _delete(self, action: Action) -> None:
        assert action.ref in self.held
        for other in self.held.values():
            if other.kind == "relationship" and other.ref != action.ref:
                dangling = action.ref in get_kind("relationship").needs(other)
                assert not dangling, f"{other.ref} would dangle without {action.ref}"
        del self.held[action.ref]


def _filled(resource: Resource) -> Resource:
    defaults = {field.name: field.default for field in get_kind(resource.kind).fields}
    return replace(resource, spec={**defaults, **resource.spec})
