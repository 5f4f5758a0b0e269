"""Adapter of kind `guideline`: tools, tags, and the metadata that Parlant's evaluations own."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import JSON, Resource, make
from otto_reconcile.model.evaluation import Evaluation
from otto_reconcile.model.guideline import EVALUATED
from otto_reconcile.planning.plan import Change
from otto_reconcile.port import guideline_tools, modes
from otto_reconcile.port.adapters.base import (
    bring,
    ensure_kept,
    ensure_unset,
    given,
    register,
    values_of,
)
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.cascade_delete import delete_guideline
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.evaluations import checked_guideline
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire, agent_tag
from otto_reconcile.port.tools import not_there, tool_from_wire

_EVALUATED_FROM = frozenset({"condition", "action", "tools"})


class GuidelineAdapter:
    def listing(self, wire: Wire) -> Awaitable[Sequence[Any]]:
        return wire.parlant.guidelines.list()

    async def single(self, wire: Wire, remote_id: str) -> Any | None:
        return await _stray(View(wire, "", None), remote_id)

    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known and not unmanaged:
            return []
        declared = {resource.key: resource for resource in known}
        found = {guideline.id: guideline for guideline in await view.guidelines()}
        for key in await view.strays(declared.keys() - found.keys()):
            if stray := await _stray(view, key):
                found[key] = stray
        return [
            await self._observed(view, guideline, declared.get(key))
            for key, guideline in sorted(found.items())
            if key in declared or (unmanaged and not _is_condition(guideline))
        ]

    async def _observed(self, view: View, guideline: Any, known: Resource | None) -> Resource:
        if known is not None:
            view.checks += checked_guideline(view.wire, known, guideline)
        if known is None or "tools" not in known.spec:
            return await _from_wire(view.wire, guideline, view.bot_id, None)
        tools = await guideline_tools.usable(view.wire, guideline.id)
        found = await _from_wire(view.wire, guideline, view.bot_id, tools)
        return found if tools is not None else replace(found, unseen=frozenset({"tools"}))

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        try:
            return await self.post(wire, resource)
        except (TargetRefused, Failed) as error:  # 422, or 500 before the server serves
            if isinstance(error, TargetRefused) and error.status != 422:
                raise
            existing = await self._existing(wire, resource)
            if existing is None:
                raise
            return await bring(self, wire, resource, existing)

    async def post(self, wire: Wire, resource: Resource) -> Resource:
        spec = resource.spec
        values = given(
            id=resource.key,
            condition=spec["condition"],
            action=spec.get("action") or None,
            description=spec.get("description") or None,
            criticality=spec.get("criticality"),
            composition_mode=modes.to_wire(spec.get("composition_mode")),
            priority=spec.get("priority"),
            track=spec.get("track"),
            labels=spec.get("labels") or None,
            metadata={**wire.evaluation_cache.metadata_of(resource), **spec.get("metadata", {})}
            or None,
            tags=[agent_tag(resource.bot_id), *await wire.tags.ids(spec.get("tags", ()))],
        )
        made = await wire.call(wire.parlant.guidelines.create(**values))
        wire.evaluation_cache.place(resource)
        return ensure_kept(resource, await self._complete(wire, resource, made))

    async def _complete(self, wire: Wire, resource: Resource, made: Any) -> Resource:
        """What creating a guideline cannot set."""
        tools = resource.spec.get("tools", ())
        missing = await wire.tools.missing(tools)
        added = [await wire.tools.to_wire(tool) for tool in tools if tool not in missing]
        values: dict[str, Any] = {}
        if resource.spec.get("enabled") is False:
            values["enabled"] = False
        if added:
            values["tool_associations"] = {"add": added}
        if values:
            found = await _patch(wire, resource, values, tools)
        else:
            found = await _from_wire(wire, made, resource.bot_id, ())
        if missing:
            raise not_there(missing.values(), made=True)
        return found

    async def _existing(self, wire: Wire, resource: Resource) -> Resource | None:
        view = View(wire, resource.bot_id, None)
        listed = {guideline.id: guideline for guideline in await view.guidelines()}
        guideline = listed.get(resource.key) or await _stray(view, resource.key)
        return None if guideline is None else await self._observed(view, guideline, resource)

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        values = values_of(resource, changes)
        by_field = {change.field: change for change in changes}
        missing: Sequence[str] = ()
        if "tools" in values:
            before = by_field["tools"].before or ()
            missing, changed = await guideline_tools.attach(
                wire, resource.key, before, values["tools"]
            )
            if not changed:  # what was evaluated of the same tools holds
                del by_field["tools"]
        sent = dict(values)
        if "composition_mode" in values:
            sent["composition_mode"] = modes.to_wire(values["composition_mode"])
        if "tags" in values:
            before = observed.spec.get("tags", ())
            sent["tags"] = await wire.tags.changes(before, values["tags"], bot_id=resource.bot_id)
        if "labels" in values:
            sent["labels"] = _labels(observed.spec.get("labels", ()), values["labels"])
        sent = {name: value for name, value in sent.items() if name not in ("metadata", "tools")}
        evaluated = wire.evaluation_cache.metadata_of(resource)
        if metadata := _metadata(resource, by_field, observed, evaluated):
            sent["metadata"] = metadata
        sent = sent or {"tool_associations": {"add": []}}  # Parlant refuses an empty PATCH
        made = await _patch(wire, resource, sent, resource.spec.get("tools", ()))
        if by_field.keys() & _EVALUATED_FROM:
            wire.evaluation_cache.place(resource)
        if "metadata" in by_field:
            ensure_unset(by_field["metadata"], made, besides=evaluated)
        if missing:
            raise not_there(missing, made=True)
        return ensure_kept(resource, made, [*values])

    async def delete(self, wire: Wire, observed: Resource) -> None:
        await delete_guideline(wire, observed.key, observed.bot_id)


def _labels(before: Iterable[str], after: Iterable[str]) -> dict[str, list[str]]:
    wanted, found = set(after), set(before)
    return {"upsert": sorted(wanted - found), "remove": sorted(found - wanted)}


def _metadata(
    resource: Resource, changes: Mapping[str, Change], observed: Resource, evaluated: Evaluation
) -> dict[str, JSON] | None:
    """`set` and `unset`: evaluations of what changes go, and what is `evaluated` of it comes."""
    declared: Mapping[str, JSON] = resource.spec.get("metadata", {})
    change = changes.get("metadata")
    keys: Mapping[str, JSON] = {} if change is None else (change.after or {})
    unset = {key for key, value in keys.items() if value is None}
    if anew := any(field in changes for field in _EVALUATED_FROM):
        unset |= (EVALUATED & observed.spec.get("metadata", {}).keys()) - declared.keys()
    wanted = {key: value for key, value in keys.items() if value is not None}
    wanted |= {key: value for key, value in evaluated.items() if anew or key in unset}
    unset -= wanted.keys()
    return given(set=dict(sorted(wanted.items())) or None, unset=sorted(unset) or None) or None


async def _patch(
    wire: Wire, resource: Resource, values: Mapping[str, Any], tools: Iterable[str]
) -> Resource:
    """PATCH, and what Parlant then reports; `tools` are what it has if Parlant cannot say."""
    key = resource.key
    try:
        call = wire.parlant.guidelines.update(addressed(key), **values)
        answer = await wire.call(call, may_fail=True)
    except (Absent, Failed) as error:
        # Applied all the same, if Parlant only failed to show the guideline's relationships.
        if isinstance(error, Absent) and error.item in ("", key):
            raise
        listed = await View(wire, resource.bot_id, None).guidelines()
        guideline = next((g for g in listed if g.id == key), None)
        if guideline is None:
            raise
        return await _from_wire(wire, guideline, resource.bot_id, tools)
    return await _from_wire(
        wire,
        answer.guideline,
        resource.bot_id,
        map(tool_from_wire, guideline_tools.places_of(answer)),
    )


async def _stray(view: View, key: str) -> Any | None:
    """The guideline of this id, though it has lost its bot's tag; None if there is none."""
    try:
        asked = view.wire.parlant.guidelines.retrieve(addressed(key))
        return (await view.wire.call(asked, may_fail=True)).guideline
    except Absent as error:
        if not error.item:
            return None
    except Failed:
        pass
    # It exists, and Parlant cannot show it for one of its relationships. A list can, or these.
    if view.own is not None:
        listed = await view.listed_guidelines()
        if found := next((one for one in listed if one.id == key), None):
            return found
    call = view.wire.parlant.relationships.list(guideline_id=key, indirect=False)
    ends = [
        end for r in await view.wire.call(call) for end in (r.source_guideline, r.target_guideline)
    ]
    return next((end for end in ends if end is not None and end.id == key), None)


def _is_condition(guideline: Any) -> bool:
    return any(tag.startswith("journey:") for tag in guideline.tags)


async def _from_wire(
    wire: Wire, guideline: Any, bot_id: str, tools: Iterable[str] | None
) -> Resource:
    values = {
        "condition": guideline.condition,
        "action": guideline.action or None,
        "description": guideline.description,
        "criticality": guideline.criticality,
        "composition_mode": modes.from_wire(guideline.composition_mode),
        "enabled": guideline.enabled,
        "priority": guideline.priority,
        "track": guideline.track,
        "labels": list(guideline.labels or ()),
        "tags": await wire.tags.of_part(guideline.tags, bot_id),
        "metadata": dict(guideline.metadata),
        "tools": None if tools is None else list(tools),
    }
    return make("guideline", guideline.id, bot_id, values, remote_id=guideline.id)


register("guideline", GuidelineAdapter())
