"""Makes bots of what a server has, so that nothing differs: the command `adopt` calls it.

Only what can be told exactly becomes part of a bot. Each bot is planned against the server it was
read from, as the daemon would plan it; a part that would be changed by that is left out and named.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from otto_reconcile import manifest
from otto_reconcile.diff import plan
from otto_reconcile.errors import InvalidInput, NotFound
from otto_reconcile.manifest.messages import near
from otto_reconcile.model import (
    OTTO,
    Bot,
    Ref,
    Resource,
    Snapshot,
    ToolService,
    get_kind,
    is_reserved,
    make,
    snapshot_of,
)
from otto_reconcile.model.canned_response import MARK
from otto_reconcile.model.from_resources import Misfit, bot_of, part_of
from otto_reconcile.model.guideline import EVALUATED
from otto_reconcile.model.part import HOSTED
from otto_reconcile.model.tool_service import fault_of
from otto_reconcile.observed import observe
from otto_reconcile.port.addressing import is_addressable
from otto_reconcile.port.discovery import Survey
from otto_reconcile.port.rest import RestPort
from otto_reconcile.sources.exclusions import WHY_LOST, Draft, LeftOut, take_out, unbind, without

_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Adoptee:
    """A bot that is on the server as it stands here, and what the server showed of it."""

    bot: Bot
    observed: Snapshot
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """`elsewhere` is what belongs to none of the bots."""

    bots: tuple[Adoptee, ...] = ()
    elsewhere: tuple[LeftOut, ...] = ()

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(sorted([*(x for a in self.bots for x in a.left_out), *self.elsewhere]))


async def find(port: RestPort, chosen: Collection[str] = ()) -> Found:
    """The bots of a server, all or those `chosen` by id. Reads only.

    Raises TargetUnavailable, TargetRefused, and NotFound for one that is not there.
    """
    agents = {agent.key: agent for agent in await port.list_agents()}
    if unknown := sorted(set(chosen) - agents.keys()):
        hint = near(unknown[0], agents) or "otto-reconcile adopt without ids shows all"
        raise NotFound(f"there is no agent {unknown[0]!r} on {port.target}", hint=hint)
    elsewhere: list[LeftOut] = []
    async with port.sweep():
        drafts = []
        for agent in agents.values():
            if why := _unfit(agent):
                if agent.key != OTTO and (not chosen or agent.key in chosen):
                    elsewhere.append(LeftOut("", f"agent {agent.key}", why))
            elif not chosen or agent.key in chosen:
                drafts.append(await _read(port, agent))
        owners = {end: draft.bot_id for draft in drafts for end in draft.ends}
        tools = {tool for draft in drafts for tool in draft.tools}
        survey = await port.survey(agents.keys(), owners.keys(), tools)
        elsewhere += _share_out(survey, drafts)
        by_id = {draft.bot_id: draft for draft in drafts}
        for left in _unowned(survey, owners):
            if left.bot_id:
                by_id[left.bot_id].left_out.append(left)
            elif not chosen:
                elsewhere.append(left)
        bots = [adoptee for d in drafts if (adoptee := await _settle(port, d, drafts, elsewhere))]
    return Found(tuple(bots), tuple(sorted(elsewhere)))


def _unfit(agent: Resource) -> str | None:
    """Why it cannot be a bot of ours at all."""
    if is_reserved(agent.key, agent.spec.get("name")):
        return "this name is Otto's"
    if agent.key in (".", "..") or not is_addressable(agent.key):
        return "its id cannot be addressed"
    try:
        bot_of(agent.key, Snapshot([without(agent, "tags")]))
    except Misfit as error:
        return str(error)
    return None


_IN_PATHS = frozenset({"guideline", "journey", "term", "customer", "tool_service"})
"""Kinds whose keys are what Parlant has in the paths of its API."""


async def _read(port: RestPort, agent: Resource) -> Draft:
    """All of a bot. What is dear to read is shown only where it is declared, hence two looks."""
    agent_only = Snapshot([agent])
    seen = await observe(port, agent.key, agent_only, agent_only)
    everything = Snapshot(_whole(part) for part in seen.values() if _is_addressable(part))
    parts = {**seen, **await observe(port, agent.key, everything, everything)}
    draft = Draft(agent.key, {ref: _own(part) for ref, part in parts.items()})
    probes = Snapshot(make("tool_service", name, agent.key, {}) for name in _services(draft.tools))
    draft.parts |= await observe(port, agent.key, probes, probes, unmanaged=False)
    for ref, part in sorted(parts.items()):
        if "tools" in part.unseen:
            why = "its tools, if it has any, cannot be shown while it depends on something"
            draft.left_out.append(LeftOut(agent.key, f"tools of {ref.kind} {ref.key}", why))
    return draft


def _is_addressable(part: Resource) -> bool:
    """False for a part that cannot be asked for by its key; it is left out."""
    return part.kind not in _IN_PATHS or is_addressable(part.key)


def _whole(resource: Resource) -> Resource:
    """With every field, so that every field is looked at."""
    defaults = {f.name: f.default for f in get_kind(resource.kind).fields}
    return replace(resource, spec={**defaults, **resource.spec})


def _own(resource: Resource) -> Resource:
    """Without what Parlant's evaluation made of it, and what nobody can declare."""
    spec = dict(resource.spec)
    if "metadata" in spec:
        spec["metadata"] = {k: v for k, v in spec["metadata"].items() if k not in EVALUATED}
        spec["metadata"].pop(MARK, None)
    if "values" in spec:
        # What is for one customer is data of the conversations.
        spec["values"] = {k: v for k, v in spec["values"].items() if not k.startswith("customer:")}
    return replace(resource, spec=spec)


def _services(tools: Iterable[str]) -> list[str]:
    """The services of tools that are not hosted with the server."""
    names = {service for service, colon, _ in (t.partition(":") for t in tools) if colon}
    return sorted(names - set(HOSTED))


def _unowned(survey: Survey, owners: Mapping[str, str]) -> list[LeftOut]:
    found = [
        LeftOut(owners.get(unowned.end, ""), f"{unowned.kind} {unowned.id}", unowned.why)
        for unowned in survey.unowned
        if unowned.end != f"agent:{OTTO}"
    ]
    return [*found, *(LeftOut("", "(not read)", why) for why in survey.unread)]


def _share_out(survey: Survey, drafts: Sequence[Draft]) -> list[LeftOut]:
    """Gives each relationship to the bot of its source, else of its target; marks journeys."""
    owners = {end: draft for draft in drafts for end in draft.ends}
    for relationship in survey.relationships:
        spec = relationship.spec
        draft = owners.get(str(spec["source"])) or owners[str(spec["target"])]
        draft.parts[relationship.ref] = replace(relationship, bot_id=draft.bot_id)
    for draft in drafts:
        for key, drawing in survey.drawings.items():
            why = "its states are shown as a text only: write them down, or leave it as it is"
            draft.leave(Ref("journey", key), why, drawing)
    return [
        LeftOut(owners[end].bot_id, f"relationships of {end}", "something bound to it is gone")
        for end in survey.hidden
        if end in owners
    ]


async def _settle(
    port: RestPort, draft: Draft, drafts: Sequence[Draft], elsewhere: list[LeftOut]
) -> Adoptee | None:
    """The bot, once nothing of it would be changed; what would be is taken out round by round."""
    for ref, part in sorted(draft.parts.items()):
        if ref.kind != "agent":
            _check(draft, ref, part)
    for _ in range(_ROUNDS):
        while unbind(draft, {end for other in drafts for end in other.ends}):
            pass  # what was left out with it may have been the end of another
        try:
            bot = bot_of(draft.bot_id, Snapshot(draft.parts.values()))
        except Misfit as error:
            elsewhere.append(LeftOut("", f"agent {draft.bot_id}", str(error)))
            return None
        wanted = snapshot_of(bot)
        for ref in sorted(draft.parts.keys() - wanted.keys()):
            draft.leave(ref, WHY_LOST)
        ours = Snapshot(_at(want, draft.parts.get(ref)) for ref, want in wanted.items())
        observed = await observe(port, bot.id, wanted, ours)
        actions = plan(wanted, observed, wanted).acting
        if not actions and draft.parts.keys() <= wanted.keys():
            if why := _unwritable(bot):
                elsewhere.append(LeftOut("", f"agent {draft.bot_id}", why))
                return None
            return Adoptee(bot, observed, tuple(sorted(draft.left_out)))
        for action in actions:
            take_out(draft, action, wanted)
    why = "it changes while it is read"
    elsewhere.append(LeftOut("", f"agent {draft.bot_id}", why))
    return None


def _at(want: Resource, part: Resource | None) -> Resource:
    return want if part is None else replace(want, remote_id=part.remote_id)


def _check(draft: Draft, ref: Ref, part: Resource) -> None:
    try:
        values = part_of(part)
    except Misfit as error:
        draft.leave(ref, str(error))
        return
    if ref.kind == "tool_service" and (fault := fault_of(ToolService.model_validate(values))):
        draft.leave(ref, fault.message)


def _unwritable(bot: Bot) -> str | None:
    """Why its manifest would not give the same bot again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bot.yaml")
        path.write_text(manifest.dump([bot]), encoding="utf-8")
        try:
            (loaded,) = manifest.load([path], environ={}).bots
        except InvalidInput as error:
            return f"as a manifest it is wrong: {error.problems[0].message}"
    return None if loaded.bot.digest() == bot.digest() else "a manifest cannot hold it exactly"


def managed(adoptee: Adoptee) -> Snapshot:
    """What becomes ours on the target: all of the bot but what others may have made for others."""
    return Snapshot(
        replace(want, remote_id=adoptee.observed[ref].remote_id)
        for ref, want in snapshot_of(adoptee.bot).items()
        if not get_kind(ref.kind).shared
    )
