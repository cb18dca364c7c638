"""Seeded chance, one stream a purpose, and the identifiers that are drawn from it."""

from __future__ import annotations

import random
from math import exp, log
from typing import Final, NewType

from attrs import define, field

RequestId = NewType("RequestId", int)
"""A version-4 UUID as its 128 bits; `uuid_text` writes it. As an int it is half the size of its text."""

_MASK: Final = (1 << 128) - 1
_SPREAD: Final = 0xDA942042E4DD58B5_9E3779B97F4A7C15  # odd, so multiplying permutes the 128-bit numbers
_VERSION_CLEAR: Final = ~((0xF << 76) | (0x3 << 62)) & _MASK
_VERSION_4: Final = (0x4 << 76) | (0x2 << 62)
_Z_99: Final = 2.3263478740408408  # the 99th percentile of the standard normal distribution


def uuid_text(value: int) -> str:
    """`5a3f0c1e-...`: 128 bits in the form of a UUID."""
    text = value.to_bytes(16, "big").hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@define(eq=False)
class Draws:
    """All chance of a run: equal seeds give equal draws, and purposes do not disturb each other."""

    seed: int
    _streams: dict[str, random.Random] = field(factory=dict, init=False)
    _ids: int = field(default=0, init=False)
    _salt: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._salt = random.Random(f"ids:{self.seed}").getrandbits(128)  # noqa: S311 - repeatable on purpose

    def stream(self, purpose: str) -> random.Random:
        """The generator for one purpose, such as `jitter:orders`."""
        found = self._streams.get(purpose)
        if found is None:
            found = self._streams[purpose] = random.Random(f"{purpose}:{self.seed}")  # noqa: S311 - as above
        return found

    def new_id(self) -> RequestId:
        """The next identifier of the run: distinct from all before, the same in every run of this seed."""
        self._ids += 1
        value = ((self._ids + self._salt) * _SPREAD) & _MASK
        value = ((value ^ (value >> 67)) * _SPREAD) & _MASK
        return RequestId(((value ^ (value >> 71)) & _VERSION_CLEAR) | _VERSION_4)

    def log_normal(self, purpose: str, p50: int, p99: int) -> int:
        """A draw from the log-normal distribution with that median and 99th percentile."""
        if p99 <= p50:
            return p50
        spread = log(p99 / max(p50, 1)) / _Z_99
        return round(max(p50, 1) * exp(spread * self.stream(purpose).gauss(0.0, 1.0)))
