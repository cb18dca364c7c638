"""Recorded events as messages of a queue: what they would be if a queue stood between their service and the function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from lambdarun.model.arrival import Arrival, MessageArrival


def through_queue(arrivals: Iterable[Arrival], queue: str) -> Iterator[MessageArrival]:
    """Each event's payload as a message's body, at the event's time; a message goes to this queue instead of its own."""
    for arrival in arrivals:
        if isinstance(arrival, MessageArrival):
            yield evolve(arrival, queue=queue, arn=None, function=None)
        else:
            yield MessageArrival(
                time=arrival.time,
                place=arrival.place,
                queue=queue,
                body=arrival.payload.decode("utf-8", "surrogatepass"),
                duration=arrival.duration,
            )
