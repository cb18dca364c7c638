"""The alarms of a run for its page: each one's states, and in whose plots it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any, Final, Protocol

from lambdarun.model.alarm import Alarm, AlarmState, WatchedLog
from lambdarun.model.instant import SECOND, Instant

_STATES_MOST: Final = 200
"""Of each alarm: one that goes to and fro all week would fill the page."""
_OWNERS: Final = {"QueueName": "queue", "FunctionName": "function"}


class Transition(Protocol):
    """A change of an alarm's state."""

    @property
    def time(self) -> Instant:
        """When."""

    @property
    def alarm(self) -> str:
        """Its name."""

    @property
    def state(self) -> AlarmState:
        """The state that it is in from now on."""

    @property
    def reason(self) -> str:
        """Why."""


def alarm_data(alarms: Mapping[str, Alarm], transitions: Sequence[Transition]) -> Iterator[dict[str, Any]]:
    """Each alarm with its first states, one after the other, and how many are left out.

    The last one's end is null: it stands when the run is over.
    """
    for name, alarm in sorted(alarms.items()):
        found = [transition for transition in transitions if transition.alarm == name]
        yield {
            "name": name,
            "watched": str(alarm.watched),
            **_owner(alarm),
            "more": max(0, len(found) - _STATES_MOST),
            "states": [
                {
                    "state": one.state.value,
                    "from": one.time / SECOND,
                    "to": None if following is None else following.time / SECOND,
                    "reason": one.reason,
                }
                for one, following in islice(zip_longest(found, found[1:]), _STATES_MOST)
            ],
        }


def _owner(alarm: Alarm) -> dict[str, str]:
    """The queue or function whose plots show the alarm; none: all do."""
    if isinstance(alarm.watched, WatchedLog):
        return {"function": alarm.watched.function}
    return {
        _OWNERS[name]: value.partition(":")[0] for name, value in alarm.watched.dimensions if name in _OWNERS
    }
