"""Events accepted for one function, each waiting for its next attempt.

Function errors are retried after one minute and then two, and are counted. Throttles and system errors cost no
attempt: the queue backs off from 1 s to 5 min, as one (a million events that back off singly would be 80 million
attempts in six hours), while each event keeps its own age. A retry that would start after the event's maximum age ends
it at once.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.draws import RequestId
from lambdarun.model.due_queue import DueQueue
from lambdarun.model.function import AsyncInvokeConfiguration
from lambdarun.model.instant import SECOND, Duration, Instant, after
from lambdarun.model.outcome import FunctionFailed, Outcome, Succeeded
from lambdarun.model.record_class import record

_WAITS_S: Final = (limits.FUNCTION_ERROR_WAIT_FIRST.value, limits.FUNCTION_ERROR_WAIT_SECOND.value)


FreshEvent = tuple[Instant, RequestId, bytes, str, Duration | None]
"""An event that has not run yet: when it was accepted, its id, payload, source and recorded duration. A plain tuple, for
millions of them wait: the garbage collector looks at one once, at an object again and again."""


@define(eq=False)
class QueuedEvent:
    """One accepted event at its attempts. Times in microseconds since 1970."""

    accepted: Instant
    request_id: RequestId
    payload: bytes
    source: str
    duration: Duration | None
    """The recorded duration of its invocation, if the recording has one."""
    failures: int = 0
    attempts: int = 0
    """Times the function ran: throttled attempts are not among them."""


@record
class Settled:
    """The function succeeded."""


@record
class Delayed:
    """The event waits until `due`; `cause` is error, throttle or system."""

    cause: str
    due: Instant


@record
class Discarded:
    """The event ended without success; `condition` is AWS's, of the destination record."""

    condition: str
    attempts: int


Verdict = Settled | Delayed | Discarded
_SETTLED: Final = Settled()


# Three places for an event. _fresh: accepted and never tried, in order, as bare tuples. _returned: may be tried again
# whenever the function takes events, oldest first. _later: its function failed, and its minute or two are not over. A
# throttle moves the *queue* into back-off, and the event that met it into _returned; the others do not even notice.
#
# The oldest event goes first, whether fresh or returned. AWS keeps no order here; this one makes the age limit fair,
# and cheap: if the oldest has not expired, none has.
@define(eq=False)
class AsyncQueue:
    """One function's queue."""

    configuration: AsyncInvokeConfiguration
    _fresh: deque[FreshEvent] = field(factory=deque, init=False)
    _returned: list[tuple[Instant, int, QueuedEvent]] = field(factory=list, init=False)
    """Events to be tried again, oldest first."""
    _later: DueQueue[QueuedEvent] = field(factory=DueQueue, init=False)
    """Events whose function failed, until their minute or two are over."""
    _backing_off_until: Instant | None = field(default=None, init=False)
    _throttles: int = field(default=0, init=False)
    _puts: int = field(default=0, init=False)

    def accept(self, now: Instant, event: FreshEvent) -> bool:
        """Take an event in. False where nothing can start now, and `next_due` stays as it was."""
        self._fresh.append(event)
        until = self._backing_off_until
        return until is None or now >= until

    def next_due(self) -> Instant | None:
        """When the next attempt may start; the past where one may start already."""
        due = self._later.next_due()
        if self._fresh or self._returned:
            ready = self._backing_off_until
            if ready is None:
                return Instant(0)
            return ready if due is None or ready < due else due
        return due

    def take(self, now: Instant) -> QueuedEvent | None:
        """The event whose attempt starts now: the oldest that is ready, none while the queue backs off."""
        # An attempt's wait and the queue's back-off both hold: an event whose minute is over still waits for the back-off to
        # end.
        for event in self._later.take_due(now):
            self._return(event)
        if self._backing_off_until is not None:
            if now < self._backing_off_until:
                return None
            self._backing_off_until = None
        oldest = self._pop_oldest()
        if oldest is not None:
            oldest.attempts += 1
        return oldest

    def take_expired(self, now: Instant) -> list[tuple[QueuedEvent, Discarded]]:
        """Events whose next attempt would start after their maximum age: they end now."""
        for event in self._later.take_due(now):
            self._return(event)
        # Look-ahead: what could not start before its age ends has ended already.
        start = max(now, self._backing_off_until or now)
        latest = Instant(start - self.configuration.maximum_event_age_in_seconds * SECOND)
        expired = []
        while (accepted := self._oldest()) is not None and accepted <= latest:
            oldest = self._pop_oldest()
            assert oldest is not None
            expired.append((oldest, Discarded("EventAgeExceeded", oldest.attempts)))
        return expired

    def put_back_throttled(self, now: Instant, event: QueuedEvent) -> Delayed | Discarded:
        """Put back an event that `take` gave out and that found no room: its attempt did not happen."""
        event.attempts -= 1
        return self._back_off(now, event, "throttle")

    def discard_zero_reserved(self, event: QueuedEvent) -> Discarded:
        """End an event whose function may not run at all (reserved concurrency 0)."""
        event.attempts -= 1
        return Discarded("ZeroReservedConcurrency", event.attempts)

    def settle(self, now: Instant, event: QueuedEvent, outcome: Outcome) -> Verdict:
        """Decide what follows an attempt at `event` that ended as `outcome` at `now`."""
        match outcome:
            case Succeeded():
                return _SETTLED
            case FunctionFailed():
                if event.failures >= self.configuration.maximum_retry_attempts:
                    return Discarded("RetriesExhausted", event.attempts)
                # From the *end* of the attempt.
                due = after(now, _WAITS_S[event.failures])
                event.failures += 1
                # The same look-ahead (recorded, test_maxeventage: with 60 s one attempt, with 90 s two). A running handler is never
                # cut short by the event's age.
                if due >= self._ends(event):
                    return Discarded("EventAgeExceeded", event.attempts)
                self._later.put(due, event)
                return Delayed("error", due)
            # Lost in the service, or no JSON after all: what the function did is unknown, and AWS counts no attempt.
            case _:
                event.attempts -= 1
                return self._back_off(now, event, "system")

    def began(self) -> None:
        """Be told that an attempt found room: the next back-off begins small again."""
        self._throttles = 0

    def __len__(self) -> int:
        return len(self._fresh) + len(self._returned) + len(self._later)

    def _back_off(self, now: Instant, event: QueuedEvent, cause: str) -> Delayed | Discarded:
        # Of many throttles within one instant only the first makes the wait longer.
        if self._backing_off_until is None or self._backing_off_until <= now:
            wait_s = min(
                limits.THROTTLE_WAIT_FIRST.value << min(self._throttles, 16), limits.THROTTLE_WAIT_MAX.value
            )
            self._throttles += 1
            self._backing_off_until = after(now, wait_s)
        due = self._backing_off_until
        if due >= self._ends(event):
            return Discarded("EventAgeExceeded", event.attempts)
        self._return(event)
        return Delayed(cause, due)

    def _ends(self, event: QueuedEvent) -> Instant:
        return after(event.accepted, self.configuration.maximum_event_age_in_seconds)

    def _return(self, event: QueuedEvent) -> None:
        self._puts += 1
        heappush(self._returned, (event.accepted, self._puts, event))

    def _is_fresh_older(self) -> bool:
        returned, fresh = self._returned, self._fresh
        return bool(fresh) and (not returned or fresh[0][0] < returned[0][0])

    def _oldest(self) -> Instant | None:
        if self._is_fresh_older():
            return self._fresh[0][0]
        return self._returned[0][0] if self._returned else None

    def _pop_oldest(self) -> QueuedEvent | None:
        if self._is_fresh_older():
            return QueuedEvent(*self._fresh.popleft())
        return heappop(self._returned)[2] if self._returned else None
