"""The same for people who write no trio: the runtime is stepped on the caller's own thread.

No loop runs in the background (a hop to one costs 110 µs): time-outs, retries and polls happen while a method of the
runtime is at work, so asynchronous events move in `settle`, `advance` and `run_until`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from attrs import define

from lambdarun.model.arrival import Arrival
from lambdarun.model.declarations import Project
from lambdarun.model.effects import Reply
from lambdarun.model.instant import Instant, span_of
from lambdarun.model.invoke_request import InvokeReply
from lambdarun.model.news import Accept, Invoke
from lambdarun.runtime.assembly import Options, build
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.deployment_door import DeploymentDoor, await_provisioned, begin
from lambdarun.runtime.driver import FOREVER, RealDriver, VirtualDriver
from lambdarun.runtime.journal import MemoryStore, Store
from lambdarun.runtime.queue_handle import BlockingQueueHandle
from lambdarun.runtime.requests import event_bytes, invoked

_A_WHILE_S: Final = 0.5


def _no_pump() -> None:
    """Nobody sleeps in the background here."""


@define(eq=False)
class BlockingRuntime(DeploymentDoor):
    """An open runtime whose methods wait."""

    driver: RealDriver | VirtualDriver
    store: Store

    @property
    def log(self) -> MemoryStore:
        """The event log. Raises TypeError where the runtime was opened with a store that forgets."""
        if not isinstance(self.store, MemoryStore):
            raise TypeError("this runtime was opened with a store that keeps no log in memory")
        return self.store

    def now(self) -> Instant:
        """The present instant of the run."""
        return self.driver.clock.now()

    def invoke(
        self,
        function: str,
        event: Any = None,
        *,
        payload: bytes | None = None,
        qualifier: str | None = None,
        client_context: str | None = None,
        log_tail: bool = False,
    ) -> InvokeReply:
        """Run `function` with `event` (or `payload`, its JSON text) and return what AWS would answer.

        `client_context` is base64 of JSON, as SDKs send it. With `log_tail` the reply has the log's last 4 KB. A
        function that fails raises nothing: see the reply's `function_error`. Raises InvocationRefused where AWS answers
        with an error and no function ran, TypeError where `event` is nothing that JSON has a word for.
        """
        body = event_bytes(event, payload)
        got: list[Reply] = []
        ticket = self.driver.ticket(got.append)
        # The ticket's callback may have run when this returns: then nothing is waited for at all.
        self.driver.submit_alone(Invoke(ticket, function, body, qualifier, client_context, False, log_tail))
        return invoked(self._answer(got))

    def dry_run(self, function: str, *, qualifier: str | None = None) -> InvokeReply:
        """Check that `function` could be invoked; takes no slot (AWS: DryRun, 204)."""
        got: list[Reply] = []
        self.driver.submit(Invoke(self.driver.ticket(got.append), function, b"", qualifier, None, True))
        return invoked(self._answer(got))

    def accept(
        self,
        function: str,
        event: Any = None,
        *,
        payload: bytes | None = None,
        qualifier: str | None = None,
    ) -> InvokeReply:
        """Invoke `function` asynchronously (AWS: Event, 202); the reply has the request id of all attempts.

        The attempts run in `settle`, `advance` and `run_until`. Raises InvocationRefused where AWS would not take it.
        """
        body = event_bytes(event, payload)
        got: list[Reply] = []
        self.driver.submit(Accept(self.driver.ticket(got.append), function, body, qualifier))
        return invoked(self._answer(got))

    def queue(self, name: str) -> BlockingQueueHandle:
        """A declared queue. Raises KeyError."""
        return BlockingQueueHandle(name, self.driver, _no_pump, self._answer)

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0) -> None:
        """Let time go on by so much, and whatever is due happen. On the wall's clock it takes as long.

        >>> from lambdarun.model.declarations import Project
        >>> with open_blocking_runtime(Project(), clock=VirtualClock()) as runtime:
        ...     before = runtime.now()
        ...     runtime.advance(hours=6, seconds=0.5)
        ...     runtime.now() - before
        21600500000
        """
        self.run_until(Instant(self.now() + span_of(seconds=seconds, minutes=minutes, hours=hours)))

    def run_until(self, instant: Instant) -> None:
        """Let time go on to `instant` (microseconds since 1970)."""
        self._drive(instant, lambda: False)
        if isinstance(self.driver, VirtualDriver):
            self.driver.clock.move_to(instant)

    def settle(self) -> None:
        """Let time go on until nothing is left to run, to retry or to deliver."""
        self._drive(FOREVER, self.driver.at_rest)

    def replay(self, arrivals: Iterable[Arrival]) -> None:
        """Have recorded events happen at their instants, until all that comes of them is settled."""
        driver = self.driver
        # Time begins with the recording, whatever day the clock shows: there is nothing to wait for until then.
        driver.feed(iter(arrivals))
        if driver.next_arrival is not None and isinstance(driver, VirtualDriver):
            driver.clock.move_to(driver.next_arrival.time)
        self.settle()

    def _answer(self, got: list[Reply]) -> Reply:
        if not got:
            self._drive(FOREVER, lambda: bool(got))
        return got[0]

    def _drive(self, limit: Instant, enough: Callable[[], bool]) -> None:
        driver = self.driver
        driver.ensure_open()
        if isinstance(driver, VirtualDriver):
            while driver.move_a_turn(limit, enough):
                pass
            return
        while not enough() and (left := driver.clock.wall_seconds_until(limit)):
            # There is no other thread and no task: as long as this loop runs, time-outs and retries are looked after, and no
            # longer.
            driver.pump(min(left, driver.seconds_until_due()))


@contextmanager
def open_blocking_runtime(
    project: Project,
    *,
    clock: RealClock | VirtualClock | None = None,
    store: Store | None = None,
    seed: int = 0,
    options: Options | None = None,
) -> Iterator[BlockingRuntime]:
    """Open a runtime for `project`: on the wall's clock, or in virtual time with a `VirtualClock`.

    `store` keeps the event log (in memory by default; `ForgetfulStore` for long runs), `seed` decides all chance.
    `options` says more, its own seed included, and replaces `seed`. Every process that it starts is gone when the
    block ends. Raises ProjectErrors where AWS would refuse what the project declares.
    """
    kept = store if store is not None else MemoryStore()
    driver = build(
        project, clock or RealClock(), kept, options if options is not None else Options(seed=seed)
    )
    try:
        going = begin(driver)
        while going:
            going = await_provisioned(driver, _A_WHILE_S)
        yield BlockingRuntime(driver, kept)
    finally:
        driver.close()
