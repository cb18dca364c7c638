"""A replay in virtual time that nobody watches: with handlers, or without any."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from lambdarun.model.arrival import Arrival
from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.region import Region
from lambdarun.runtime.assembly import Options, build
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.deployment_door import await_provisioned, begin
from lambdarun.runtime.driver import FOREVER, VirtualDriver
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.journal import ForgetfulStore, Journal, Reader
from lambdarun.runtime.no_handlers import NoHandlers


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
    patience: Duration | None = None
    """So long after the last arrival a trial is broken off; None: it goes on until all is settled."""


def play(project: Project, arrivals: Sequence[Arrival], terms: Terms, reader: Reader) -> Instant:
    """Play `arrivals` until all that comes of them is settled, or patience ends; the log goes to `reader`. Returns the
    instant of the end. Raises what building a runtime raises, where handlers run.
    """
    clock = VirtualClock(arrivals[0].time)
    driver = _driver(project, clock, terms, reader)
    limit = FOREVER if terms.patience is None else Instant(arrivals[-1].time + terms.patience)
    try:
        going = begin(driver)
        while going:
            going = await_provisioned(driver, 1)
        driver.feed(iter(arrivals))
        while driver.move_a_turn(limit, driver.at_rest):
            pass
    finally:
        driver.close()
    return clock.now() if driver.at_rest() else limit


def _driver(project: Project, clock: VirtualClock, terms: Terms, reader: Reader) -> VirtualDriver:
    if terms.isolation is None:
        region = Region(project, Draws(terms.seed), terms.durations, terms.function)
        journal = Journal(ForgetfulStore(), [reader])
        return VirtualDriver(region, NoHandlers(terms.per_message), journal, clock=clock)
    options = Options(
        seed=terms.seed,
        durations=terms.durations,
        function=terms.function,
        isolation=terms.isolation,
        readers=(reader,),
    )
    driver = build(project, clock, ForgetfulStore(), options)
    assert isinstance(driver, VirtualDriver)
    return driver
