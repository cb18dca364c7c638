"""Many descriptors of one environment, read by one task: an invocation passes without a turn of trio's own loop."""

from __future__ import annotations

import select
import struct
from collections.abc import Callable
from math import inf
from typing import Final

import trio
from attrs import define, field

from lambdarun.runtime.clock import wall_seconds

# What comes next comes from another process within microseconds, or only after a handler's work: so it is waited for a
# moment here, as a turn of trio's loop costs more than all else that an invocation needs. The other tasks wait
# meanwhile, which none of them minds: what they do takes milliseconds.
_LONE_WAIT_S: Final = 0.001
LONE_WAIT: Final = struct.pack("ll", 0, round(_LONE_WAIT_S * 1_000_000))
"""The same as a socket option (SO_RCVTIMEO), for those that may be expected."""
_AT_A_STRETCH_S: Final = 0.05
_EVENTS_MAX: Final = 64


@define(eq=False)
class Readiness:
    """Calls what stands for a descriptor when that is readable."""

    _epoll: select.epoll = field(factory=select.epoll, init=False)
    _readers: dict[int, Callable[[], None]] = field(factory=dict, init=False)
    rest: Callable[[], None] = field(default=lambda: None, init=False)
    """Called when nothing has come for a moment."""
    _left: bool = field(default=False, init=False)
    _expected: int = field(default=-1, init=False)

    def watch(self, descriptor: int, reader: Callable[[], None]) -> None:
        """Call `reader` whenever the descriptor is readable."""
        self._readers[descriptor] = reader
        self._epoll.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        """Before it is closed."""
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def expect(self, descriptor: int) -> None:
        """What comes next is likely to come there: its reader is asked first, and waits a moment itself."""
        self._expected = descriptor

    def leave(self) -> None:
        """Let the other tasks run at once: one of them has something to do."""
        self._left = True

    async def serve(self) -> None:
        """Read until cancelled."""
        epoll, readers, rests = self._epoll, self._readers, False
        while True:
            # The other tasks run meanwhile; one of them may be all that happens.
            with trio.move_on_after(inf if rests else _LONE_WAIT_S):
                await trio.lowlevel.wait_readable(epoll.fileno())
            self._left, rests = False, True
            until = wall_seconds() + _AT_A_STRETCH_S
            while (expected := self._expected) >= 0 or (ready := epoll.poll(_LONE_WAIT_S, _EVENTS_MAX)):
                self._expected = -1
                for descriptor in (expected,) if expected >= 0 else [one for one, _ in ready]:
                    reader = readers.get(descriptor)
                    if reader is not None:  # else another reader has closed it just now
                        reader()
                if self._left or wall_seconds() > until:
                    rests = False
                    break
            if rests:
                self.rest()
