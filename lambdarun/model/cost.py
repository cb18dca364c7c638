"""What invocations cost: requests and GB-seconds, and dollars by AWS's price list."""

from __future__ import annotations

from typing import Final

from attrs import define

from lambdarun.aws import prices

_MB_MS_OF_A_GB_SECOND: Final = 1_024 * 1_000


@define
class Cost:
    """Requests and billed memory over time, summed up."""

    requests: int = 0
    mb_milliseconds: int = 0
    """Whole numbers, so that the order of summing up makes no difference."""

    def add(self, billed_ms: int, memory_mb: int) -> None:
        """Count an invocation."""
        self.requests += 1
        self.mb_milliseconds += billed_ms * memory_mb

    @property
    def gb_seconds(self) -> float:
        """Billed duration by memory.

        >>> cost = Cost()
        >>> cost.add(billed_ms=2_000, memory_mb=512)
        >>> cost.gb_seconds
        1.0
        """
        return self.mb_milliseconds / _MB_MS_OF_A_GB_SECOND

    @property
    def dollars(self) -> float:
        """At aws/prices.py's, without the free tier."""
        return self.gb_seconds * prices.GB_SECOND.dollars + self.requests * prices.REQUEST.dollars
