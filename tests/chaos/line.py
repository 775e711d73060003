"""A line of the network between workers and a server, which can be cut."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

CHUNK_BYTES = 2**16
ANSWER_TIMEOUT_S = 10.0


class Line:
    """Carries TCP connections from one port of this machine to another; cut, all of them break off and none can be made.

    ``n_bytes_sent`` counts what came from those who connect.
    """

    def __init__(self, port: int, server_port: int) -> None:
        self.port = port
        self._server_port = server_port
        self.n_bytes_sent = 0
        self._ends: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"line-{port}", daemon=True)
        self._thread.start()
        self.mend()

    def cut(self) -> None:
        """Break all connections off."""
        self._do(self._close())

    def mend(self) -> None:
        """Let connections be made."""
        self._do(self._listen())

    def close(self) -> None:
        """Cut the line for ever."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, action: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(action, self._loop).result(ANSWER_TIMEOUT_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def _close(self) -> None:
        self._server.close()
        while self._ends:
            for end in self._ends:
                end.transport.abort()
            await asyncio.sleep(0)  # those who carry notice, and let go of their ends
        await self._server.wait_closed()

    async def _carry(self, here: asyncio.StreamReader, to_here: asyncio.StreamWriter) -> None:
        ends = {to_here}
        self._ends |= ends
        with suppress(OSError):
            there, to_there = await asyncio.open_connection("127.0.0.1", self._server_port)
            ends.add(to_there)
            self._ends |= ends
            await asyncio.gather(_copy(here, to_there, self._count), _copy(there, to_here))
        for end in ends:
            end.transport.abort()
        self._ends -= ends

    def _count(self, n_bytes: int) -> None:
        self.n_bytes_sent += n_bytes


def port_of(url: str) -> int:
    """The port at which a server is reached."""
    port = urlsplit(url).port
    assert port is not None
    return port


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], None] = lambda _: None
) -> None:
    """Carry bytes in one direction until its end, which ends the other direction as well."""
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            count(len(chunk))
            writer.write(chunk)
            await writer.drain()
    writer.close()
