"""The socket that our servers listen on."""

from __future__ import annotations

import asyncio
import socket

from otto_reconcile.server import sockets


async def test_small_answers_are_sent_at_once() -> None:
    """Whoever keeps a connection is not kept waiting for an acknowledgement at each answer."""
    accepted: asyncio.Queue[int] = asyncio.Queue()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken = writer.get_extra_info("socket")
        await accepted.put(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with sockets.bind(0) as listener:
        async with await asyncio.start_server(connected, sock=listener):
            _, writer = await asyncio.open_connection(sockets.HOST, sockets.number(listener))
            assert await asyncio.wait_for(accepted.get(), 30) != 0
            writer.close()
