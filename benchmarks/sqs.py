"""The queue cores: speed against a bare heap and dict, memory of a million messages, growth with what waits."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, Final

from benchmarks.floors.bare_queue import bare_queue
from benchmarks.table import Row, interleaved
from lambdarun.model.draws import Draws
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import NewMessage
from lambdarun.model.open_queue import open_queue
from lambdarun.model.queue import Queue
from lambdarun.model.queue_core import QueueCore

# Time of this process, as all of it is here: what else the machine does is left out.
COUNT: Final = 100_000
RETURNS_EVERY: Final = 20
"""One in so many received messages is not deleted and comes back."""
_MILLION: Final = 1_000_000
_BYTES_MOST: Final = 350
_BEGIN: Final = 10**15
_GROUPS: Final = 1_000


def sqs() -> Iterator[Row]:
    """Throughput, memory and growth of both kinds of queue."""
    for kind, groups in (("standard", 0), ("FIFO, 1,000 groups", _GROUPS), ("FIFO, a group each", COUNT)):
        messages = _messages(COUNT, groups)

        def subject(messages: list[NewMessage] = messages, groups: int = groups) -> float:
            return _work_off(_queue(groups), messages)

        pair = interleaved(lambda: bare_queue(COUNT, RETURNS_EVERY), subject)
        share = pair.floor / pair.subject
        target = ">= 0.4 x" if not groups else ""
        yield Row(
            f"queue core, {kind}",
            f"{pair.floor / COUNT * 1e6:.2f} us",
            f"{pair.subject / COUNT * 1e6:.2f} us",
            f"{share:.2f} x (spread {pair.spread:.0%})",
            target,
            share >= 0.4,
        )
    for kind, groups, in_flight in (
        ("standard, fresh", 0, False),
        ("standard, 120,000 in flight", 0, True),
        ("FIFO, 1,000 groups, fresh", _GROUPS, False),
        ("FIFO, 1,000 groups, in flight", _GROUPS, True),
        ("FIFO, a group each, fresh", _MILLION, False),
    ):
        held = _in_a_child(groups, in_flight)
        target = f"<= {_BYTES_MOST} B" if groups != _MILLION else ""
        yield Row(f"1,000,000 messages, {kind}", "", f"{held:.0f} B each", "", target, held <= _BYTES_MOST)
    for kind, groups in (("standard", 0), ("FIFO, 1,000 groups", _GROUPS)):
        few, many = _beside(groups, 1_000), _beside(groups, _MILLION)
        ratios = sorted(many() / few() for _ in range(5))
        yield Row(
            f"a message beside 1,000,000, {kind}",
            f"{few() * 1e6:.2f} us",
            f"{many() * 1e6:.2f} us",
            f"{median(ratios):.2f} x",
            "<= 1.5 x",
            median(ratios) <= 1.5,
        )


def _queue(groups: int) -> QueueCore:
    name = "q.fifo" if groups else "q"
    return open_queue(Queue(name=name), f"arn:aws:sqs:us-east-1:123456789012:{name}", Draws(0))


def _messages(count: int, groups: int, first: int = 0) -> list[NewMessage]:
    if not groups:
        return [NewMessage(body="x")] * count
    names = [f"group-{number}" for number in range(groups)]
    return [
        NewMessage(body="x", message_group_id=names[n % groups], message_deduplication_id=f"id-{first + n}")
        for n in range(count)
    ]


def _work_off(queue: QueueCore, messages: list[NewMessage]) -> float:
    """Seconds to send all, receive in tens, let one in twenty come back and delete the others."""
    records: list[Any] = []
    begun = time.process_time()
    now = _BEGIN
    for message in messages:
        now += 1
        queue.send(Instant(now), message, records)
    received, left = 0, len(messages)
    while left:
        records.clear()
        while got := queue.receive(Instant(now), 10, records):
            done = []
            for one in got:
                received += 1
                if received % RETURNS_EVERY:
                    done.append(one)
            queue.delete_all(done)
            left -= len(done)
        now += 30 * SECOND
        queue.advance(Instant(now), records)
    return time.process_time() - begun


def _in_a_child(groups: int, in_flight: bool) -> float:
    """Bytes a message over its body and its ids, of a million in a process of their own."""
    code = f"from benchmarks.sqs import held; print(held({groups}, {in_flight}))"
    return float(
        json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    )


def held(groups: int, in_flight: bool) -> float:
    """What a million messages take in a queue, traced; a millisecond apart, their texts made before."""
    texts = _messages(_MILLION, groups)
    queue = _queue(groups)
    records: list[Any] = []
    gc.collect()
    gc.disable()
    tracemalloc.start()
    for number, message in enumerate(texts):
        queue.send(Instant(_BEGIN + 1_000 * number), message, records)
        records.clear()
    receipts = []
    if in_flight:
        while got := queue.receive(Instant(_BEGIN + 1_000 * _MILLION), 10, records):
            receipts.append(got)
    return tracemalloc.get_traced_memory()[0] / _MILLION


def _beside(groups: int, waiting: int) -> Callable[[], float]:
    """Seconds a message to send, receive and delete, in a queue where so many others wait all the time."""
    queue = _queue(groups)
    records: list[Any] = []
    for message in _messages(waiting, groups):
        queue.send(Instant(_BEGIN), message, records)
        records.clear()
    clock = {"now": _BEGIN, "sent": waiting}
    count = 20_000

    def took() -> float:
        messages = _messages(count, groups, clock["sent"])
        clock["sent"] += count
        gc.collect()
        gc.disable()
        begun = time.process_time()
        for place in range(0, count, 10):
            clock["now"] += 1_000
            now = Instant(clock["now"])
            for message in messages[place : place + 10]:
                queue.send(now, message, records)
            queue.delete_all(queue.receive(now, 10, records))
            queue.advance(now, records)
            queue.next_due()
            records.clear()
        ended = time.process_time()
        gc.enable()
        return (ended - begun) / count

    return took
