"""Bare heap pushes of a tuple."""

from __future__ import annotations

import time
from heapq import heappush


def pushes_a_second(count: int) -> float:
    """`(due, number, item)` pushed in order of arrival, a new tuple each."""
    heap: list[tuple[int, int, object]] = []
    item = object()
    begun = time.perf_counter()
    for number in range(count):
        heappush(heap, (number, number, item))
    return count / (time.perf_counter() - begun)
