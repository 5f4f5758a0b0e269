"""Makes what a commit holds the desired state, unless something newer was imported already."""

from __future__ import annotations

import asyncio
from pathlib import Path

from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.sources.commit_tree import Read
from otto_reconcile.sources.importer import Imported, import_folder
from otto_reconcile.sources.lineage import Lineage, key_of
from otto_reconcile.sources.position import At, Position
from otto_reconcile.sources.provenance import Provenance
from otto_reconcile.sources.witness import Witness


class CommitImport:
    """Of one branch, under the `name` of its source.

    `others` are the names of the other sources of this daemon: what is in one of them is not taken
    over.
    """

    def __init__(
        self, name: str, position: Position, stores: Stores, actor: str, witness: Witness
    ) -> None:
        self._root, self._position, self._actor = Path(name), position, actor
        self._desired, self._lineage = stores.desired, Lineage(stores.store)
        self._witness = witness
        self.others: frozenset[str] = frozenset()

    async def bring(self, at: At, made_from: Provenance, read: Read) -> Imported:
        """The import; one that finds something newer on record asks again where the branch is.

        A remote that still has it there was moved back after the newer commit was imported. Raises
        as `import_folder` does.
        """
        assert made_from.state is not None
        await asyncio.to_thread(self._witness.intend, key_of(made_from.state))
        imported = await self._import(made_from, read)
        if imported.behind is None or not self._position.authoritative:
            return imported
        if not set(made_from.state.repository) & set(imported.behind.state.repository):
            return imported
        if (await self._position.look()).commit != at.commit:
            return imported
        return await self._import(made_from, read, by_request=True)

    async def _import(
        self, made_from: Provenance, read: Read, *, by_request: bool = False
    ) -> Imported:
        return await asyncio.to_thread(
            import_folder,
            self._desired,
            self._lineage,
            read.loaded.declarations,
            made_from,
            actor=self._actor,
            root=self._root,
            foreign=read.loaded.foreign,
            witnesses=self._witness.states,
            others=self.others,
            by_request=by_request,
        )
