"""A queue as the API's users hold it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import define, field

from lambdarun.model.message import Message, NewMessage
from lambdarun.model.message_attributes import normalised
from lambdarun.model.queue_core import Counts
from lambdarun.runtime.driver import RealDriver, VirtualDriver


@define(eq=False)
class QueueHandle:
    """Send to a declared queue, look into it.

    >>> from lambdarun.model.declarations import Project
    >>> from lambdarun.model.queue import Queue
    >>> from lambdarun.runtime.blocking import open_blocking_runtime
    >>> from lambdarun.runtime.clock import VirtualClock
    >>> project = Project(queues={"jobs": Queue(name="jobs", delay_seconds=60)})
    >>> with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
    ...     jobs = runtime.queue("jobs")
    ...     jobs.send("one", attributes={"n": {"stringValue": "6", "dataType": "Number"}})
    ...     jobs.send("two", delay_seconds=0)
    ...     runtime.advance(seconds=59)
    ...     jobs.counts().visible, jobs.counts().delayed, [message.body for message in jobs.messages()]
    (1, 1, ['one', 'two'])
    """

    name: str
    _driver: RealDriver | VirtualDriver
    _wake: Callable[[], None] = field(repr=False)

    def __attrs_post_init__(self) -> None:
        if self.name not in self._driver.region.queues:
            declared = ", ".join(sorted(self._driver.region.queues)) or "none"
            raise KeyError(f"no queue {self.name!r}. Declared: {declared}.")

    def send(
        self,
        body: str,
        *,
        attributes: Mapping[str, Mapping[str, object] | str | int | float] | None = None,
        delay_seconds: int | None = None,
    ) -> None:
        """Send a message (AWS: SendMessage). An attribute is a text, a number, or as an event has it.

        Raises ValueError, with AWS's text where AWS refuses the message.
        """
        self._driver.ensure_open()
        polled = self._driver.region.queues[self.name]
        message = NewMessage(body=body, attributes=normalised(attributes or {}), delay_seconds=delay_seconds)
        refusal = polled.queue.refusal(message)
        if refusal is not None:
            raise ValueError(refusal.message)
        now = self._driver.clock.now()
        polled.send(now, message)
        self._driver.step(now)
        self._wake()

    def counts(self) -> Counts:
        """How many messages are visible, hidden and delayed."""
        return self._driver.region.queues[self.name].queue.counts()

    def messages(self) -> list[Message]:
        """All messages that are in the queue, oldest first; looking does not receive them."""
        return self._driver.region.queues[self.name].queue.peek()
