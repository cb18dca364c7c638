"""Bare heap pushes of a tuple."""

from __future__ import annotations

import random
import time
from heapq import heappush


def pushes_a_second(count: int) -> float:
    """`(due, number, item)` with dues as they come, which is in no order; a new tuple each."""
    heap: list[tuple[int, int, object]] = []
    item = object()
    chance = random.Random(0)
    dues = [chance.getrandbits(40) for _ in range(count)]
    begun = time.perf_counter()
    for number, due in enumerate(dues):
        heappush(heap, (due, number, item))
    return count / (time.perf_counter() - begun)
