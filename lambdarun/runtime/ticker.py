"""A descriptor that becomes readable again and again: how the poll of the runtime is woken to look at long invocations."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Final

from attrs import define, field

_CLOCK_MONOTONIC: Final = 1
_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC
_OFF: Final = struct.pack("4l", 0, 0, 0, 0)


# A timerfd, since it works wherever the epoll descriptor is waited for, by whatever loop, and needs nobody to be woken
# when it is started. Python has it since 3.13; before, the C library's own.
@define(eq=False)
class Ticker:
    """Ticks `every_s` seconds while it is on; it costs nothing while nobody looks."""

    every_s: float
    descriptor: int = field(init=False)
    is_on: bool = field(default=False, init=False)
    _library: ctypes.CDLL = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self._library.timerfd_create(_CLOCK_MONOTONIC, _FLAGS)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "no timer descriptor")

    def start(self) -> None:
        """Tick from now on."""
        span_ns = round(self.every_s * 1e9)
        self._set(struct.pack("4l", 0, span_ns, 0, span_ns))
        self.is_on = True

    def stop(self) -> None:
        """Tick no more."""
        self._set(_OFF)
        self.is_on = False

    def take(self) -> None:
        """Take the ticks that have come, so that the descriptor is not readable before the next."""
        try:
            os.read(self.descriptor, 8)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)

    def _set(self, span: bytes) -> None:
        self._library.timerfd_settime(self.descriptor, 0, span, None)
