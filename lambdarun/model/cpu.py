"""How much processor a function gets by its memory size.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

from enum import Enum

from lambdarun.aws import limits
from lambdarun.model.instant import Duration


class Cpu(Enum):
    """Whether a function's share of the processor follows its memory size."""

    FULL = "full"
    """All that the machine has."""
    SCALED = "scaled"
    """As on AWS: 1,769 MB are one core. On the wall's clock the kernel holds it to that; in virtual time measured
    durations are stretched, waiting included, and others stay what they were declared or recorded to be."""


def cores(memory_mb: int) -> float:
    """The cores of a function with `memory_mb`, fractions too."""
    return min(float(limits.CORES_MAX.value), memory_mb / limits.MEMORY_OF_ONE_CORE.value)


def stretched(duration: Duration, memory_mb: int) -> Duration:
    """What `duration`, measured on a whole core, is with the share of `memory_mb`.

    More than one core makes nothing shorter: whether a handler can use a second one nobody knows.
    """
    one = limits.MEMORY_OF_ONE_CORE.value
    return duration if memory_mb >= one else Duration(-(-duration * one // memory_mb))
