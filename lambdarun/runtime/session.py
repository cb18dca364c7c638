"""Opens a runtime for trio and closes all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from math import inf
from typing import Any, Final

import trio
from attrs import define, field

from lambdarun.model.arrival import Arrival
from lambdarun.model.declarations import Project
from lambdarun.model.effects import Reply
from lambdarun.model.instant import Instant, span_of
from lambdarun.model.invoke_request import InvokeReply
from lambdarun.model.news import Accept, Invoke
from lambdarun.runtime.assembly import Options, build
from lambdarun.runtime.clock import RealClock, VirtualClock, wall_seconds
from lambdarun.runtime.deployment_door import DeploymentDoor, await_provisioned, begin
from lambdarun.runtime.driver import FOREVER, RealDriver, VirtualDriver
from lambdarun.runtime.journal import MemoryStore, Store
from lambdarun.runtime.queue_handle import AsyncQueueHandle
from lambdarun.runtime.requests import event_bytes, invoked

_BREATH_S: Final = 0.002
"""A lone caller gives way to other tasks after so long."""
_LONE_AFTER_S: Final = 0.005

# Not its base class: that would bring trio to people who never run it.
trio.abc.Clock.register(VirtualClock)


# Three ways to wait, chosen once by the kind of driver and by whether trio itself runs on our clock:
#
# On the wall's clock one pump sits on the epoll descriptor and on the next due; callers sleep until their answer
# reschedules them. A lone caller is answered within `submit_alone`, without the pump.
#
# In virtual time of our own (trio runs on its usual clock) nothing moves unless somebody asks: whoever waits moves
# time himself, in turns (`_move`), one at a time (`_turn`), and gives way to other tasks between turns.
#
# Attached (trio was started on our VirtualClock) trio moves time when all tasks wait: the pump sleeps until the next
# instant as a deadline on that clock, and a held pin keeps the clock from reaching it.
@define(eq=False)
class Runtime(DeploymentDoor):
    """An open runtime, for trio. Time that nobody asks for does not pass in virtual time: `invoke`, `advance`,
    `settle` and `replay` move it, or trio itself where it runs on the same `VirtualClock`.
    """

    driver: RealDriver | VirtualDriver
    store: Store
    _attached: bool
    """Whether trio itself runs on our virtual clock."""
    _asleep: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    _settling: list[trio.Event] = field(factory=list, init=False)
    _waiting: dict[int, trio.lowlevel.Task] = field(factory=dict, init=False)
    """Callers that sleep until their answer comes, by ticket."""
    _turn: trio.Lock = field(factory=trio.Lock, init=False)
    _yielded: float = field(factory=wall_seconds, init=False)
    _last_caller: trio.lowlevel.Task | None = field(default=None, init=False)
    _last_call: float = field(default=0.0, init=False)

    @property
    def log(self) -> MemoryStore:
        """The event log. Raises TypeError where the runtime was opened with a store that forgets."""
        if not isinstance(self.store, MemoryStore):
            raise TypeError("this runtime was opened with a store that keeps no log in memory")
        return self.store

    def now(self) -> Instant:
        """The present instant of the run."""
        return self.driver.clock.now()

    async def invoke(
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
        ticket, got = self._ticket()
        news = Invoke(ticket, function, body, qualifier, client_context, False, log_tail)
        # Blocking the loop for 2 ms is fair only while no other task has anything to do with this runtime.
        if self._is_alone():
            self.driver.submit_alone(news)
        else:
            self.driver.submit(news)
        if got:
            await self._breathe()
            return invoked(got[0])
        return invoked(await self._answer(ticket, got))

    async def dry_run(self, function: str, *, qualifier: str | None = None) -> InvokeReply:
        """Check that `function` could be invoked; takes no slot (AWS: DryRun, 204)."""
        ticket, got = self._ticket()
        self.driver.submit(Invoke(ticket, function, b"", qualifier, None, True))
        return invoked(await self._answer(ticket, got))

    async def accept(
        self,
        function: str,
        event: Any = None,
        *,
        payload: bytes | None = None,
        qualifier: str | None = None,
    ) -> InvokeReply:
        """Invoke `function` asynchronously (AWS: Event, 202); the reply has the request id of all attempts."""
        body = event_bytes(event, payload)
        ticket, got = self._ticket()
        self.driver.submit(Accept(ticket, function, body, qualifier))
        self.wake()
        return invoked(await self._answer(ticket, got))

    def queue(self, name: str) -> AsyncQueueHandle:
        """A declared queue. Raises KeyError."""
        return AsyncQueueHandle(name, self.driver, self.wake, self._answer)

    async def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0) -> None:
        """Let time go on by so much, and whatever is due happen."""
        await self.run_until(Instant(self.now() + span_of(seconds=seconds, minutes=minutes, hours=hours)))

    async def run_until(self, instant: Instant) -> None:
        """Let time go on to `instant` (microseconds since 1970)."""
        driver = self.driver
        if isinstance(driver, RealDriver):
            await trio.sleep(driver.clock.wall_seconds_until(instant))
        elif self._attached:
            await trio.sleep_until(driver.clock.deadline_at(instant))
        else:
            await self._move(driver, instant, lambda: False)
            driver.clock.move_to(instant)

    async def settle(self) -> None:
        """Let time go on until nothing is left to run, to retry or to deliver."""
        driver = self.driver
        if isinstance(driver, VirtualDriver) and not self._attached:
            await self._move(driver, FOREVER, driver.at_rest)
        elif not driver.at_rest():
            settled = trio.Event()
            self._settling.append(settled)
            self.wake()
            await settled.wait()
            driver.ensure_open()

    async def replay(self, arrivals: Iterable[Arrival]) -> None:
        """Have recorded events happen at their instants, until all that comes of them is settled."""
        driver = self.driver
        driver.feed(iter(arrivals))
        if driver.next_arrival is not None and isinstance(driver, VirtualDriver) and not self._attached:
            driver.clock.move_to(driver.next_arrival.time)
        await self.settle()

    def wake(self) -> None:
        """Have the pump look at once at what is due."""
        self._asleep.deadline = -inf

    def _is_alone(self) -> bool:
        """Whether the caller may block the loop for a moment: nobody else has called just now."""
        task = trio.lowlevel.current_task()
        now = wall_seconds()
        alone = task is self._last_caller or now - self._last_call > _LONE_AFTER_S
        self._last_caller, self._last_call = task, now
        return alone

    def _ticket(self) -> tuple[int, list[Reply]]:
        got: list[Reply] = []
        return self.driver.ticket(got.append), got

    async def _answer(self, ticket: int, got: list[Reply]) -> Reply:
        """Wait for a request's answer. A cancelled caller leaves its invocation to the pump."""
        driver = self.driver
        if isinstance(driver, VirtualDriver) and not self._attached:
            await self._move(driver, FOREVER, lambda: bool(got))
            return got[0]
        # Answered already, within `submit`: a refusal, a throttle, a 202. trio's rule wants a checkpoint all the same.
        if got:
            await trio.lowlevel.checkpoint()
            return got[0]
        task = trio.lowlevel.current_task()

        def answered(reply: Reply) -> None:
            del self._waiting[ticket]
            got.append(reply)
            trio.lowlevel.reschedule(task)

        def abandon(_: object) -> trio.lowlevel.Abort:
            # The invocation cannot be called back. Its answer goes into a list that nobody reads, and the pump takes the outcome
            # in: the environment comes back, the records are written.
            del self._waiting[ticket]
            driver.callers[ticket] = got.append
            return trio.lowlevel.Abort.SUCCEEDED

        driver.callers[ticket] = answered
        self._waiting[ticket] = task
        if isinstance(driver, VirtualDriver):
            self.wake()
        await trio.lowlevel.wait_task_rescheduled(abandon)
        if not got:
            driver.ensure_open()
        return got[0]

    async def _breathe(self) -> None:
        """A full checkpoint costs as much as an invocation: give way once in a while, see a cancellation at once."""
        now = wall_seconds()
        if now - self._yielded > _BREATH_S:
            self._yielded = now
            await trio.lowlevel.checkpoint()
        else:
            await trio.lowlevel.checkpoint_if_cancelled()

    async def _move(self, driver: VirtualDriver, limit: Instant, enough: Callable[[], bool]) -> None:
        async with self._turn:
            while driver.move_a_turn(limit, enough):
                await trio.lowlevel.checkpoint()

    async def pump(self) -> None:
        """Serve workers and dues for as long as the runtime is open."""
        driver = self.driver
        if isinstance(driver, RealDriver):
            while True:
                # The waiting is done below, by trio: epoll within epoll, so that one descriptor wakes for all workers.
                driver.pump(0)
                self._tell_settled()
                await self._sleep(trio.current_time() + driver.seconds_until_due())
        elif self._attached:
            while True:
                driver.collect(0)
                held = driver.move(driver.clock.now(), lambda: False)
                self._tell_settled()
                instant = driver.next_instant()
                await self._sleep(inf if held or instant is None else driver.clock.deadline_at(instant))

    def close(self) -> None:
        """End all processes. Tasks outside the block that still wait are told that nothing comes any more."""
        self.driver.close()
        for task in self._waiting.values():
            trio.lowlevel.reschedule(task)
        self._waiting.clear()
        self._tell_settled()

    def _tell_settled(self) -> None:
        if self._settling and (self.driver.closed or self.driver.at_rest()):
            for settled in self._settling:
                settled.set()
            self._settling.clear()

    async def _sleep(self, until: float) -> None:
        """Wait for a worker, for `wake`, or for `until` on trio's clock."""
        with trio.CancelScope(deadline=until) as self._asleep:
            await trio.lowlevel.wait_readable(self.driver.processes.fileno())


@asynccontextmanager
async def open_runtime(
    project: Project,
    *,
    clock: RealClock | VirtualClock | None = None,
    store: Store | None = None,
    seed: int = 0,
    options: Options | None = None,
) -> AsyncIterator[Runtime]:
    """Open a runtime for `project`: on the wall's clock, or in virtual time with a `VirtualClock`.

    `store` keeps the event log (in memory by default; `ForgetfulStore` for long runs), `seed` decides all chance.
    `options` says more, its own seed included, and replaces `seed`. Every process that it starts is gone when the
    block ends. Raises ProjectErrors where AWS would refuse what the project declares.
    """
    chosen = clock if clock is not None else RealClock()
    kept = store if store is not None else MemoryStore()
    driver = build(
        project, chosen, kept, options if options is not None else Options(seed=seed), in_loop=True
    )
    running: object = trio.lowlevel.current_clock()
    runtime = Runtime(driver, kept, running is chosen)
    fault: BaseException | None = None
    pumps: Exception | None = None
    try:
        going = begin(driver)
        while going:
            await trio.lowlevel.checkpoint()
            going = await_provisioned(driver, _BREATH_S)
        async with trio.open_nursery() as nursery:

            async def pump() -> None:
                nonlocal pumps
                try:
                    await runtime.pump()
                except Exception as raised:
                    pumps = raised
                    nursery.cancel_scope.cancel()

            nursery.start_soon(pump)
            try:
                yield runtime
            # Raised again outside of the nursery, which would wrap it into an ExceptionGroup: who wrote `raise KeyError` within
            # the block wants to catch a KeyError around it.
            except BaseException as raised:
                if _holds_cancelled(raised):
                    raise
                fault = raised
            nursery.cancel_scope.cancel()
        # By themselves, not in the group that a nursery makes of them.
        if fault is not None and pumps is not None:
            raise fault from pumps
        if fault is not None:
            raise fault
        if pumps is not None:
            raise pumps
    finally:
        runtime.close()


def _holds_cancelled(fault: BaseException) -> bool:
    """Whether a cancellation is in it, which only its own scope may take out."""
    if isinstance(fault, BaseExceptionGroup):
        return any(_holds_cancelled(one) for one in fault.exceptions)
    return isinstance(fault, trio.Cancelled)
