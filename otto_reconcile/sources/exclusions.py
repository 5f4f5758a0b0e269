"""Takes out of a bot-to-be what cannot be told exactly, and says why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from otto_reconcile.model import Ref, Resource, get_kind
from otto_reconcile.planning.order import BINDING
from otto_reconcile.planning.plan import Action, Operation

_CALLED = {"applies_to": "bond to a guideline or state"}


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """What is in no manifest, of which bot ("" for nobody's), and why. `text` says more of it."""

    bot_id: str
    what: str
    why: str
    text: str | None = None


@dataclass
class Draft:
    """A bot on its way: its parts by Ref, and what was taken out of it."""

    bot_id: str
    parts: dict[Ref, Resource]
    left_out: list[LeftOut] = field(default_factory=list)

    def leave(self, ref: Ref, why: str, text: str | None = None) -> None:
        if self.parts.pop(ref, None) is not None:
            self.left_out.append(LeftOut(self.bot_id, f"{ref.kind} {ref.key}", why, text))

    @property
    def ends(self) -> set[str]:
        """Its parts as relationships name them."""
        kinds = ("agent", "guideline", "journey")
        return {f"{ref.kind}:{ref.key}" for ref in self.parts if ref.kind in kinds}

    @property
    def tools(self) -> set[str]:
        """All that its parts use."""
        specs = [part.spec for part in self.parts.values()]
        single = {str(spec["tool"]) for spec in specs if spec.get("tool")}
        return single.union(*(spec.get("tools", ()) for spec in specs))


def unbind(draft: Draft, ends: Collection[str]) -> bool:
    """Takes out relationships with what is in no bot: on another server they could not be made.

    With them what depends on it: alone it would apply everywhere. True if there were any.
    """
    before = len(draft.parts)
    for ref, part in sorted(draft.parts.items()):
        for end in (part.spec["source"], part.spec["target"]) if ref.kind == BINDING else ():
            if end not in ends and not str(end).startswith(("tag:", "tool:")):
                named = str(end).replace(":", " ", 1)
                draft.leave(ref, f"{named} is in no manifest")
                if part.spec["kind"] == "dependency" and end == part.spec["target"]:
                    dependent = Ref(*str(part.spec["source"]).split(":", 1))
                    draft.leave(dependent, f"it is only for {named}, which is in no manifest")
    return len(draft.parts) < before


def take_out(draft: Draft, action: Action, wanted: Mapping[Ref, Resource]) -> None:
    """What the action is about; if that is shared (a tag), whatever needs it."""
    ref = action.ref
    fields = ", ".join(_CALLED.get(change.field, change.field) for change in action.changes)
    gone = action.operation is Operation.CREATE
    if ref.kind == "agent" and action.observed is not None:
        draft.parts[ref] = without(draft.parts[ref], *(c.field for c in action.changes))
        draft.left_out.append(LeftOut(draft.bot_id, f"{fields} of the agent", "cannot be told"))
    elif ref in draft.parts:
        why = "it cannot be found again by what it is" if gone else f"its {fields} cannot be told"
        draft.leave(ref, why)
    else:
        for other in sorted(draft.parts):
            if other in wanted and ref in get_kind(other.kind).needs(wanted[other]):
                _untag(draft, other, ref)


def _untag(draft: Draft, part: Ref, tag: Ref) -> None:
    if part.kind == "agent":
        draft.parts[part] = without(draft.parts[part], "tags")
        what = "tags of the agent"
        draft.left_out.append(LeftOut(draft.bot_id, what, f"the tag {tag.key} is gone"))
    elif tag.key.startswith("agent:"):
        draft.leave(part, f"it belongs to {tag.key.replace(':', ' ', 1)} too")
    else:
        draft.leave(part, f"the {tag.kind} {tag.key} is gone")


WHY_LOST = "another of the same name is there"
"""Why a part is no part of the bot that was made of it."""


def without(resource: Resource, *names: str) -> Resource:
    return replace(resource, spec={k: v for k, v in resource.spec.items() if k not in names})
