"""The harness's end of the tunnel: what listens on our loopback is reached in the pod at the same port of its own."""

from __future__ import annotations

import asyncio
import threading
from asyncio import AbstractEventLoop, Task
from collections.abc import Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from fixtures.relay.carrying import Connection, join
from fixtures.relay.relay import LISTENING, LOOPBACK, TAKEN
from harness.sandbox.errors import SandboxError, SilentError

IDLE_LINES = 4
"""How many connections lie ready for each port, so that as many visitors need not wait at the same moment."""
ANSWER_SECONDS = 10.0

_LOOK_SECONDS = 0.02


class Tunnel:
    """Connections to the relay of a pod (`fixtures.relay`), kept by a thread of their own.

    Args:
        port: where the relay is reached on 127.0.0.1.
        token: what it knows us by.
    """

    def __init__(self, port: int, token: str) -> None:
        self._relay = port
        self._token = token
        self._loop: AbstractEventLoop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._stopped = False
        self._lines: dict[int, set[Task[None]]] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="tunnel", daemon=True)
        self._thread.start()

    @contextmanager
    def outlet(self, port: int) -> Iterator[None]:
        """Let the pod reach a port of our loopback until the end of the block.

        Raises:
            SandboxError: the relay does not answer, the port is taken in the pod, or the tunnel was stopped.
        """
        if not self._done(self._open(port)):
            raise SilentError("the network of the sandbox's containers has ended")
        try:
            yield
        finally:
            self._done(self._close(port))

    def stop(self) -> None:
        """Cut all connections; nothing happens the second time."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _done(self, work: Coroutine[Any, Any, None]) -> bool:
        """Have work done by the thread; return whether it was, and the tunnel was not stopped."""
        with self._lock:
            if self._stopped:
                work.close()
                return False
            doing = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            doing.result()
        except CancelledError:
            return False
        return True

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _open(self, port: int) -> None:
        self._lines[port] = set()
        answered = self._loop.create_future()
        for _ in range(IDLE_LINES):
            self._add_line(port, answered)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await answered
        except TimeoutError:
            await self._close(port)
            raise SilentError("the network of the sandbox's containers does not answer") from None
        if answer != LISTENING:
            await self._close(port)
            raise SandboxError(f"port {port} is in use in the network of the sandbox's containers")

    async def _close(self, port: int) -> None:
        lines = self._lines.pop(port, set())
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    def _add_line(self, port: int, answered: asyncio.Future[bytes]) -> None:
        lines = self._lines.get(port)
        if lines is not None:
            line = self._loop.create_task(self._hold(port, answered))
            lines.add(line)
            line.add_done_callback(lines.discard)

    async def _hold(self, port: int, answered: asyncio.Future[bytes]) -> None:
        """Keep one connection until somebody in the pod took it and is done with it, or until the pod is gone."""
        while not (line := await self._announced(port, answered)):
            if answered.done():
                return
            await asyncio.sleep(_LOOK_SECONDS)
        try:
            if await _heard(line) == TAKEN:
                self._add_line(port, answered)
                await _carried_to(port, line)
        finally:
            line[1].transport.abort()

    async def _announced(self, port: int, answered: asyncio.Future[bytes]) -> Connection | None:
        """Return a connection that the relay will lend to others.

        None where it does not: it refuses, or is not there yet, behind the engine's proxy, which connects and hangs up.
        """
        try:
            line = await asyncio.open_connection(LOOPBACK, self._relay)
        except OSError:
            return None
        line[1].transport.set_write_buffer_limits(0)  # what was carried is the kernel's, and outlives our abort
        try:
            line[1].write(f"{self._token} {port}\n".encode())
            answer = await _heard(line)
        except BaseException:
            line[1].transport.abort()
            raise
        if answer and not answered.done():
            answered.set_result(answer)
        if answer == LISTENING:
            return line
        line[1].transport.abort()
        return None


async def _heard(line: Connection) -> bytes:
    try:
        return await line[0].read(1)
    except OSError:
        return b""


async def _carried_to(port: int, line: Connection) -> None:
    try:
        there = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return
    try:
        await join(line, there)
    finally:
        there[1].close()
