"""Ends environments that were idle for long.

AWS does so after minutes to a few hours and documents no more: here each environment draws its own patience from the
run's seed, between the account's bounds.
"""

from __future__ import annotations

from attrs import define, field

from lambdarun.model.admission import Admission
from lambdarun.model.declarations import IdleTime
from lambdarun.model.due_queue import DueQueue
from lambdarun.model.environment import Environment, Phase, StopReason
from lambdarun.model.instant import Instant
from lambdarun.model.wakes import Wakes


# One look an environment is planned, not one an invocation: when it is due, the environment has been used meanwhile
# (then it is looked at again when it could have been idle for long enough) or not. So a warm invocation costs nothing
# but the note of when it ended. At rest nobody waits for these looks: a replay ends without them.
@define(eq=False)
class IdleRecycling:
    """Looks at each environment when it may have been idle for too long."""

    bounds: IdleTime | None
    """How long environments may be idle; None: for ever."""
    admission: Admission
    wakes: Wakes
    _looks: DueQueue[tuple[Environment, int]] = field(factory=DueQueue, init=False)

    def watch(self, now: Instant, environment: Environment) -> None:
        """Take a new environment in charge."""
        if self.bounds is None:
            return
        draws = self.admission.draws.stream("idle-time")
        patience = draws.randint(self.bounds.least, self.bounds.most)
        self._looks.put(Instant(now + patience), (environment, patience))
        self.wakes.stir(self)

    def wake(self, now: Instant) -> None:
        """End whoever was idle for as long as it may be."""
        for environment, patience in self._looks.take_due(now):
            phase = environment.phase
            if phase is Phase.GONE:
                continue
            waits = phase is Phase.IDLE or phase is Phase.RESET
            due = Instant((environment.idle_since if waits else now) + patience)
            if due > now:
                self._looks.put(due, (environment, patience))
            else:
                self.admission.stop(now, environment, StopReason.RECYCLED)

    def next_due(self) -> Instant | None:
        """When the next one is looked at."""
        return self._looks.next_due()
