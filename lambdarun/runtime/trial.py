"""A replay in virtual time that nobody watches: with handlers, or without any."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from lambdarun.model.arrival import Arrival
from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import Duration
from lambdarun.model.region import Region
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.deployment_door import await_provisioned, begin
from lambdarun.runtime.driver import FOREVER, VirtualDriver
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.journal import ForgetfulStore, Journal, Reader
from lambdarun.runtime.no_handlers import NoHandlers
from lambdarun.runtime.replay import replay


@frozen(kw_only=True)
class Terms:
    """How trials are run."""

    seed: int
    durations: DurationMode
    function: str | None = None
    """For every arrival; None: the project's routes."""
    isolation: Isolation | None = None
    """Where handlers run; None: none runs, each invocation succeeds after its declared or recorded duration."""
    per_message: Duration = Duration(0)
    """Without handlers: what each message of a batch adds to that."""


def play(project: Project, arrivals: Sequence[Arrival], terms: Terms, reader: Reader) -> bool:
    """Play `arrivals` until all that comes of them is settled, the log to `reader`. True: Ctrl-C ended it before."""
    clock = VirtualClock(arrivals[0].time)
    if terms.isolation is not None:
        options = Options(
            seed=terms.seed,
            durations=terms.durations,
            function=terms.function,
            isolation=terms.isolation,
            readers=(reader,),
        )
        return replay(project, clock, options, arrivals)
    region = Region(project, Draws(terms.seed), terms.durations, terms.function)
    driver = VirtualDriver(
        region, NoHandlers(terms.per_message), Journal(ForgetfulStore(), [reader]), clock=clock
    )
    going = begin(driver)
    while going:
        going = await_provisioned(driver, 0)
    driver.feed(iter(arrivals))
    while driver.move_a_turn(FOREVER, driver.at_rest):
        pass
    return False
