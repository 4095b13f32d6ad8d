"""Lets Lava run its actors as threads of one process: a small network then costs a third.

By default Lava starts an operating system process for every Process, and for every channel between
them two threads and a block of shared memory. Compiler, runtime, services and models stay Lava's;
replaced is what Lava calls the message infrastructure. For Python 3.10 and lava-nc 0.10.0.
"""

# pyright: reportMissingImports=false, reportGeneralTypeIssues=false

from __future__ import annotations

import queue
import sys
import threading
import traceback
from typing import Any

import numpy as np
from lava.magma.compiler.channels.pypychannel import CspRecvPort, CspSendPort, Proto
from lava.magma.runtime import runtime
from lava.magma.runtime.message_infrastructure.factory import MessageInfrastructureFactory
from lava.magma.runtime.message_infrastructure.message_infrastructure_interface import (
    MessageInfrastructureInterface,
)


def install() -> None:
    """Make all runtimes of this process use threads."""
    MessageInfrastructureFactory.create = staticmethod(lambda _: Threads())
    runtime.Queue = queue.SimpleQueue  # in which an actor reports that it was built


class _RecvPort(CspRecvPort):
    """The receiving end: a queue that the sending end puts arrays into."""

    def __init__(self, name: str, proto: Proto, size: int) -> None:
        super().__init__(name, None, proto, size, None, None, None, None)
        self._waiting: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
        self._head: np.ndarray | None = None

    def put(self, values: np.ndarray) -> None:
        """Take a message, and wake a selector that waits for one."""
        self._waiting.put(values)
        observer = self.observer
        if observer is not None:
            observer()

    def start(self) -> None:
        """Nothing to start."""

    def probe(self) -> bool:
        """Say whether ``recv`` will not block."""
        return self._head is not None or not self._waiting.empty()

    def peek(self) -> np.ndarray:
        """Return the next message and keep it."""
        if self._head is None:
            self._head = self._waiting.get()
        return self._head.copy()

    def recv(self) -> np.ndarray:
        """Return the next message; block until there is one."""
        head, self._head = self._head, None
        return self._waiting.get() if head is None else head

    def join(self) -> None:
        """Nothing to end."""


class _SendPort(CspSendPort):
    """The sending end, which never blocks: Lava's steps bound what can be under way."""

    def __init__(self, name: str, proto: Proto, size: int, peer: _RecvPort) -> None:
        super().__init__(name, None, proto, size, None, None, None, None)
        self._peer = peer

    def start(self) -> None:
        """Nothing to start."""

    def probe(self) -> bool:
        """Say that ``send`` will not block."""
        return True

    def send(self, data: np.ndarray) -> None:
        """Send a copy of ``data``, cast to the channel's type as Lava casts it."""
        if data.shape != self._shape:
            raise AssertionError(f"{data.shape=} {self._shape=} Mismatch")
        values = np.empty(self._shape, self._dtype)
        values[:] = data
        self._peer.put(values)

    def join(self) -> None:
        """Nothing to end."""


class _Channel:
    """A pair of ports, made as Lava makes its own channels."""

    def __init__(
        self,
        message_infrastructure: Threads,  # noqa: ARG002 -- Lava gives it, by name
        src_name: str,
        dst_name: str,
        shape: tuple[int, ...],
        dtype: Any,
        size: int,
        *watchdogs: Any,  # noqa: ARG002
    ) -> None:
        proto = Proto(shape=shape, dtype=dtype, nbytes=0)
        self.dst_port = _RecvPort(dst_name, proto, size)
        self.src_port = _SendPort(src_name, proto, size, self.dst_port)


class _Actor(threading.Thread):
    """A thread that keeps its exception, as Lava's own SystemProcess does, and says it."""

    exception: tuple[Exception, str] | None = None

    def run(self) -> None:
        """Run the actor."""
        try:
            super().run()
        except Exception as error:
            self.exception = error, traceback.format_exc()
            sys.stderr.write(self.exception[1])


class Threads(MessageInfrastructureInterface):
    """The message infrastructure of one runtime."""

    def __init__(self) -> None:
        self._actors: list[_Actor] = []

    @property
    def actors(self) -> list[_Actor]:
        """Return the actors."""
        return self._actors

    def start(self) -> None:
        """Nothing to start."""

    def build_actor(self, target_fn: Any, builder: Any, exception_q: Any = None) -> _Actor:
        """Start a thread that builds a model and runs it."""
        told = {"builder": builder, "exception_q": exception_q}
        actor = _Actor(target=target_fn, kwargs=told, daemon=True)
        self._actors.append(actor)
        actor.start()
        return actor

    def stop(self) -> None:
        """Wait for all actors."""
        for actor in self._actors:
            actor.join()

    def channel_class(self, channel_type: Any) -> type[_Channel]:  # noqa: ARG002 -- named by Lava
        """Return the one kind of channel there is."""
        return _Channel
