"""Relationships that Parlant's API neither makes nor shows: those of which one target is enough.

As soon as there is one of kind `dependency_any`, Parlant's lists of relationships fail as a whole,
so they are all listed here then.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from otto_reconcile.model.relationship import ANY
from otto_reconcile.port.host_process import End
from otto_reconcile.runtime import fencing

if TYPE_CHECKING:
    import parlant.sdk as p


class Relating:
    """`port.session.Relations` on a Parlant server in this process."""

    def __init__(self, server: p.Server) -> None:
        self._container = server.container

    @property
    def _store(self) -> Any:
        from parlant.core.relationships import RelationshipStore

        return self._container[RelationshipStore]  # type: ignore[type-abstract]

    async def make(self, kind: str, source: End, target: End, group: str | None) -> str:
        """The SDK makes a group in one call, under an id of its own; here it has one that lasts."""
        import parlant.sdk as p

        fencing.check()  # the SDK sends no request that would ask the fence
        made = await self._store.create_relationship(
            source=_entity(source),
            target=_entity(target),
            kind=p.RelationshipKind(kind),
            group_id=group,
        )
        return str(made.id)

    async def delete(self, key: str) -> None:
        """Nothing happens if it is not there."""
        fencing.check()
        if any(one.id == key for one in await self._listed()):
            await self._store.delete_relationship(key)

    async def special(self) -> bool:
        """Read off the records alone: cheaper than to show them."""
        listed = await self._listed()
        return any(one.kind.value == ANY or one.target.kind.value == "tag_any" for one in listed)

    async def all(self) -> Sequence[Any]:
        """In the form of Parlant's client; what is bound to something that is gone is left out."""
        tags = await self._tags()
        found = (await self._shown(one, tags) for one in await self._listed())
        return [one async for one in found if one is not None]

    async def _listed(self) -> Sequence[Any]:
        listed: Sequence[Any] = await self._store.list_relationships(indirect=False)
        return listed

    async def _tags(self) -> dict[str, str]:
        from parlant.core.tags import TagStore

        tags = await self._container[TagStore].list_tags()  # type: ignore[type-abstract]
        return {tag.id: tag.name for tag in tags}

    async def _shown(self, one: Any, tags: dict[str, str]) -> Any | None:
        shown = SimpleNamespace(id=one.id, kind=one.kind.value, group=one.group_id)
        for side, end in (("source", one.source), ("target", one.target)):
            found = await self._end(end, tags)
            if found is None:
                return None
            for name in ("guideline", "tag", "tool"):
                setattr(shown, f"{side}_{name}", found if name == _word(end) else None)
        return shown

    async def _end(self, end: Any, tags: dict[str, str]) -> Any | None:
        from parlant.core.common import ItemNotFoundError
        from parlant.core.guidelines import GuidelineStore

        word, any_of = _word(end), end.kind.value == "tag_any"
        if word == "tool":
            return SimpleNamespace(name=end.id.tool_name)
        if word == "tag":
            derived = ":" in end.id
            name = end.id if derived else tags.get(end.id)
            return name and SimpleNamespace(id=end.id, name=name, any_of=any_of)
        try:
            store = self._container[GuidelineStore]  # type: ignore[type-abstract]
            guideline = await store.read_guideline(end.id)
        except ItemNotFoundError:
            return None
        return SimpleNamespace(
            id=guideline.id, action=guideline.content.action, tags=list(guideline.tags)
        )


def _word(end: Any) -> str:
    return "tag" if end.kind.is_tag else str(end.kind.value)


def _entity(end: End) -> p.RelationshipEntity:
    import parlant.sdk as p

    kind = p.RelationshipEntityKind(end.kind)
    tool = kind is p.RelationshipEntityKind.TOOL
    return p.RelationshipEntity(
        id=p.ToolId.from_string(end.id) if tool else p.TagId(end.id), kind=kind
    )
