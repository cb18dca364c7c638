"""A queue of a heap and a dict, with nothing around them: the same pushes that a queue core's messages take."""

from __future__ import annotations

import time
from heapq import heappop, heappush


def bare_queue(count: int, returns_every: int, batch: int = 10) -> float:
    """Seconds to push `count` messages, receive them in tens, return one in `returns_every` and delete the others.

    A message is a push when it is sent; its receive is a pop and a push of when it shows again; a return is a pop and a
    push. A dict knows the messages by their numbers, another one what is in flight.
    """
    visible: list[tuple[int, int, str]] = []
    hidden: list[tuple[int, int, str]] = []
    by_number: dict[int, str] = {}
    in_flight: dict[int, str] = {}
    begun = time.process_time()
    for number in range(count):
        body = "x"
        heappush(visible, (number, number, body))
        by_number[number] = body
    received, now = 0, count
    while by_number:
        while visible:
            got = []
            for _ in range(min(batch, len(visible))):
                _, number, body = heappop(visible)
                heappush(hidden, (now + 30, number, body))
                in_flight[number] = body
                got.append(number)
            for number in got:
                received += 1
                if received % returns_every:
                    del by_number[number], in_flight[number]
        now += 30
        while hidden:
            _, number, body = heappop(hidden)
            if number in in_flight:
                del in_flight[number]
                heappush(visible, (now, number, body))
    return time.process_time() - begun
