"""Makes canned responses of guidelines and states, and preambles, as only Parlant's SDK can.

`daemon` and `persistence` call it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from otto_reconcile.runtime import fencing

if TYPE_CHECKING:
    import parlant.sdk as p


class CannedMaker:
    """`port.session.MakeCanned` on a Parlant server in this process."""

    def __init__(self, server: p.Server) -> None:
        self._server = server

    async def __call__(
        self,
        *,
        value: str,
        tags: Sequence[str],
        signals: Sequence[str],
        metadata: Mapping[str, Any],
        field_dependencies: Sequence[str],
    ) -> str:
        import parlant.sdk as p

        fencing.check()  # the SDK sends no request that would ask the fence
        made = await self._server.create_canned_response(
            template=value,
            tags=[p.Tag(id=p.TagId(tag), name=tag) for tag in tags],
            signals=list(signals),
            metadata=metadata,
            field_dependencies=field_dependencies,
        )
        return str(made)
