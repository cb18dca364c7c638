"""Seeded chance, one stream a purpose, and the identifiers that are drawn from it."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import exp, log
from typing import Final, NewType

from attrs import define, field

RequestId = NewType("RequestId", str)
"""A version-4 UUID, `5a3f0c1e-...`: of an invocation or of a message."""

_Z_99: Final = 2.3263478740408408  # the 99th percentile of the standard normal distribution


@define(eq=False)
class Draws:
    """All chance of a run: equal seeds give equal draws, and purposes do not disturb each other."""

    seed: int
    _streams: dict[str, random.Random] = field(factory=dict, init=False)
    _bits: Callable[[int], int] = field(init=False)
    _middle: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._bits = bits = random.Random(f"ids:{self.seed}").getrandbits  # noqa: S311 - repeatable on purpose
        # A version-4 UUID has its version and variant in the middle, which stays the same all run long: 80 drawn bits
        # keep billions of identifiers apart, and every message and invocation pays for its own.
        self._middle = f"-{bits(16):04x}-4{bits(12):03x}-{0x8000 | bits(14):04x}-"

    def stream(self, purpose: str) -> random.Random:
        """The generator for one purpose, such as `jitter:orders`."""
        # A stream a purpose: one draw more of jitter must not change the ids of all messages behind it.
        found = self._streams.get(purpose)
        if found is None:
            found = self._streams[purpose] = random.Random(f"{purpose}:{self.seed}")  # noqa: S311 - as above
        return found

    def new_id(self) -> RequestId:
        """The next identifier of the run: another one at each call, the same in every run of this seed."""
        bits = self._bits
        return "%08x%s%012x" % (bits(32), self._middle, bits(48))  # type: ignore[return-value]  # noqa: UP031 - half the time

    def log_normal(self, purpose: str, p50: int, p99: int) -> int:
        """A draw from the log-normal distribution with that median and 99th percentile."""
        if p99 <= p50:
            return p50
        # Of a log-normal distribution the median and one quantile tell all: mu = log p50, sigma = (log p99 - log p50) / z.
        spread = log(p99 / max(p50, 1)) / _Z_99
        return round(max(p50, 1) * exp(spread * self.stream(purpose).gauss(0.0, 1.0)))
