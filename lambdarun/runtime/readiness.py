"""Many descriptors of one environment, read by one task: an invocation passes without a turn of trio's own loop."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Final

import trio
from attrs import define, field

from lambdarun.runtime.clock import wall_seconds

# What comes next comes from another process within microseconds, or only after a handler's work: so it is waited for a
# moment here, as a turn of trio's loop costs more than all else that an invocation needs. The other tasks wait
# meanwhile, which none of them minds: what they do takes milliseconds.
_LONE_WAIT_S: Final = 0.001
_AT_A_STRETCH_S: Final = 0.01
_EVENTS_MAX: Final = 64


@define(eq=False)
class Readiness:
    """Calls what stands for a descriptor when that is readable."""

    _epoll: select.epoll = field(factory=select.epoll, init=False)
    _readers: dict[int, Callable[[], None]] = field(factory=dict, init=False)
    _left: bool = field(default=False, init=False)

    def watch(self, descriptor: int, reader: Callable[[], None]) -> None:
        """Call `reader` whenever the descriptor is readable."""
        self._readers[descriptor] = reader
        self._epoll.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        """Before it is closed."""
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def leave(self) -> None:
        """Let the other tasks run at once: one of them has something to do."""
        self._left = True

    async def serve(self) -> None:
        """Read until cancelled."""
        epoll, readers = self._epoll, self._readers
        while True:
            await trio.lowlevel.wait_readable(epoll.fileno())
            self._left = False
            until = wall_seconds() + _AT_A_STRETCH_S
            while not self._left and (ready := epoll.poll(_LONE_WAIT_S, _EVENTS_MAX)):
                for descriptor, _ in ready:
                    reader = readers.get(descriptor)
                    if reader is not None:  # else another reader has closed it just now
                        reader()
                if wall_seconds() > until:
                    break
